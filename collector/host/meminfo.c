#include "collector/host/meminfo.h"
#include "collector/host/plugin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * /proc/meminfo (proc_meminfo(5)): memory. The stacked areas add up to all memory and swap in use;
 * the lines cut through them. A line the kernel does not print has no field.
 */
#define MEMINFO_NAME(text)                                                                         \
	{                                                                                              \
		text, sizeof(text) - 1                                                                     \
	}

static const struct {
	const char *text;
	size_t length;
} meminfo_names[MEMINFO_KEYS] = {
	[MEMINFO_TOTAL] = MEMINFO_NAME("MemTotal"),
	[MEMINFO_FREE] = MEMINFO_NAME("MemFree"),
	[MEMINFO_BUFFERS] = MEMINFO_NAME("Buffers"),
	[MEMINFO_CACHED] = MEMINFO_NAME("Cached"),
	[MEMINFO_SWAP_CACHED] = MEMINFO_NAME("SwapCached"),
	[MEMINFO_ACTIVE] = MEMINFO_NAME("Active"),
	[MEMINFO_INACTIVE] = MEMINFO_NAME("Inactive"),
	[MEMINFO_SWAP_TOTAL] = MEMINFO_NAME("SwapTotal"),
	[MEMINFO_SWAP_FREE] = MEMINFO_NAME("SwapFree"),
	[MEMINFO_MAPPED] = MEMINFO_NAME("Mapped"),
	[MEMINFO_SHMEM] = MEMINFO_NAME("Shmem"),
	[MEMINFO_SLAB] = MEMINFO_NAME("Slab"),
	[MEMINFO_PAGE_TABLES] = MEMINFO_NAME("PageTables"),
	[MEMINFO_COMMITTED] = MEMINFO_NAME("Committed_AS"),
	[MEMINFO_VMALLOC_USED] = MEMINFO_NAME("VmallocUsed"),
	[MEMINFO_PERCPU] = MEMINFO_NAME("Percpu"),
};

/* MEMINFO_KEYS: a line that is not wanted. */
static enum meminfo_key meminfo_key(const struct scan *name)
{
	size_t length = scan_length(name);
	enum meminfo_key key = 0;
	while (key < MEMINFO_KEYS && (meminfo_names[key].length != length ||
									 memcmp(meminfo_names[key].text, name->at, length) != 0)) {
		key++;
	}
	return key;
}

void meminfo_parse(const char *text, size_t length, struct meminfo_reading *reading)
{
	struct scan all = scan_text(text, length);
	struct scan line;
	struct scan name;
	for (size_t i = 0; i < MEMINFO_KEYS; i++) {
		reading->bytes[i] = NAN;
	}
	while (scan_line(&all, &line)) {
		enum meminfo_key key = scan_until(&line, ':', &name) ? meminfo_key(&name) : MEMINFO_KEYS;
		if (key < MEMINFO_KEYS) {
			double kb = scan_number(&line);
			scan_blanks(&line);
			reading->bytes[key] = scan_equal(&line, "kB") ? kb * 1024 : NAN;
		}
	}
}

/* A value is missing as 0: so does the graph stay whole on kernels that do not print every line. */
static double meminfo_or_zero(const struct meminfo_reading *r, enum meminfo_key key)
{
	return isnan(r->bytes[key]) ? 0 : r->bytes[key];
}

static double memory_apps(const struct meminfo_reading *r)
{
	return r->bytes[MEMINFO_TOTAL] - meminfo_or_zero(r, MEMINFO_FREE) -
		   meminfo_or_zero(r, MEMINFO_BUFFERS) - meminfo_or_zero(r, MEMINFO_CACHED) -
		   meminfo_or_zero(r, MEMINFO_SLAB) - meminfo_or_zero(r, MEMINFO_PAGE_TABLES) -
		   meminfo_or_zero(r, MEMINFO_PERCPU) - meminfo_or_zero(r, MEMINFO_SWAP_CACHED);
}

static double memory_cached(const struct meminfo_reading *r)
{
	return r->bytes[MEMINFO_CACHED] - meminfo_or_zero(r, MEMINFO_SHMEM);
}

static double memory_swap(const struct meminfo_reading *r)
{
	return r->bytes[MEMINFO_SWAP_TOTAL] - r->bytes[MEMINFO_SWAP_FREE];
}

/* The fields in order; `key` is the line that must be there, and the value where `value` is NULL.
 */
static const struct memory_field {
	struct field_row row;
	enum meminfo_key key;
	double (*value)(const struct meminfo_reading *reading);
} memory_fields[] = {
	{{"apps", "apps", .draw = "AREA", .colour = "COLOUR0", .unit = "B",
		 .info = "What programs use: all that is left when everything else is taken off"},
		MEMINFO_TOTAL, memory_apps},
	{{"buffers", "buffers", .draw = "STACK", .colour = "COLOUR5", .unit = "B",
		 .info = "Cached blocks of disks, mostly metadata of filesystems"},
		MEMINFO_BUFFERS, NULL},
	{{"swap", "swap", .draw = "STACK", .colour = "COLOUR7", .unit = "B",
		 .info = "Moved out of memory to swap space"},
		MEMINFO_SWAP_TOTAL, memory_swap},
	{{"cached", "cache", .draw = "STACK", .colour = "COLOUR4", .unit = "B",
		 .info = "Cached contents of files; given back when needed"},
		MEMINFO_CACHED, memory_cached},
	{{"free", "unused", .draw = "STACK", .colour = "COLOUR6", .unit = "B",
		 .info = "Not used for anything"},
		MEMINFO_FREE, NULL},
	{{"shmem", "shmem", .draw = "STACK", .colour = "COLOUR9", .unit = "B",
		 .info = "Shared between programs, and files on tmpfs"},
		MEMINFO_SHMEM, NULL},
	{{"slab", "slab_cache", .draw = "STACK", .colour = "COLOUR3", .unit = "B",
		 .info = "The kernel's own objects, mostly inodes and names of files"},
		MEMINFO_SLAB, NULL},
	{{"swap_cache", "swap_cache", .draw = "STACK", .colour = "COLOUR2", .unit = "B",
		 .info = "In memory and in swap space alike"},
		MEMINFO_SWAP_CACHED, NULL},
	{{"page_tables", "page_tables", .draw = "STACK", .colour = "COLOUR1", .unit = "B",
		 .info = "Maps from the programs' addresses to memory"},
		MEMINFO_PAGE_TABLES, NULL},
	{{"per_cpu", "per_cpu", .draw = "STACK", .colour = "COLOUR20", .unit = "B",
		 .info = "Kernel data kept once per processor"},
		MEMINFO_PERCPU, NULL},
	{{"vmalloc_used", "vmalloc_used", .draw = "LINE2", .colour = "COLOUR8", .unit = "B",
		 .info = "Mapped for the kernel page by page"},
		MEMINFO_VMALLOC_USED, NULL},
	{{"committed", "committed", .draw = "LINE2", .colour = "COLOUR10", .unit = "B",
		 .info = "Promised to programs, used or not"},
		MEMINFO_COMMITTED, NULL},
	{{"mapped", "mapped", .draw = "LINE2", .colour = "COLOUR11", .unit = "B",
		 .info = "Files mapped into programs"},
		MEMINFO_MAPPED, NULL},
	{{"active", "active", .draw = "LINE2", .colour = "COLOUR12", .unit = "B",
		 .info = "Used lately; the last to be given back"},
		MEMINFO_ACTIVE, NULL},
	{{"inactive", "inactive", .draw = "LINE2", .colour = "COLOUR15", .unit = "B",
		 .info = "Not used lately; the first to be given back"},
		MEMINFO_INACTIVE, NULL},
};

/* Memory saved by merging equal pages, where that is switched on
 * (Documentation/admin-guide/mm/ksm.rst). */
static const struct field_row memory_ksm = {"ksm_sharing", "KSM sharing", .draw = "LINE2",
	.colour = "COLOUR19", .unit = "B", .info = "Saved by keeping equal pages once"};

static const struct graph_row memory_graph = {
	.name = "memory",
	.title = "Memory usage",
	.vlabel = "Bytes",
	.category = "system",
	.info = "What the memory of this machine is used for.",
};

struct meminfo_state {
	struct kept file, ksm_run, ksm_sharing;
	struct feed *memory;
	struct meminfo_reading declared; /* which lines there were, and the total */
	bool ksm;
	uint8_t fields[ARRAY_LENGTH(memory_fields)]; /* row of each field that is declared */
	size_t count;
};

static struct service *memory_service(const struct plugin *plugin, struct meminfo_state *s)
{
	static const char *const order[] = {"apps", "page_tables", "per_cpu", "swap_cache", "slab",
		"shmem", "cached", "buffers", "free", "swap"};
	struct service *service = plugin_service(plugin, &memory_graph);
	s->count = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(memory_fields); i++) {
		if (!isnan(s->declared.bytes[memory_fields[i].key]) &&
			graph_field(service, &memory_fields[i].row)) {
			s->fields[s->count++] = (uint8_t)i;
		}
	}
	if (s->ksm) {
		(void)graph_field(service, &memory_ksm);
	}
	char text[160];
	snprintf(text, sizeof(text), "--base 1024 -l 0 --upper-limit %.0f",
		s->declared.bytes[MEMINFO_TOTAL]);
	graph_attribute(service, "graph_args", text);
	size_t used = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		if (service_find_field(service, order[i])) {
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, "%s%s", used ? " " : "", order[i]);
		}
	}
	graph_attribute(service, "graph_order", text);
	return service;
}

/* NaN: not switched on. */
static double memory_shared_pages(struct plugin *plugin, struct meminfo_state *s)
{
	struct scan text;
	struct scan line;
	if (!kept_read_small(&plugin->site->files, &s->ksm_run, &text) || !scan_line(&text, &line) ||
		scan_equal(&line, "0") || !kept_read_small(&plugin->site->files, &s->ksm_sharing, &text) ||
		!scan_line(&text, &line)) {
		return NAN;
	}
	return scan_number(&line) * (double)sysconf(_SC_PAGESIZE);
}

/* Whether the same lines are there with the same total: what the declaration depends on. */
static bool meminfo_same_shape(const struct meminfo_reading *a, const struct meminfo_reading *b)
{
	for (size_t i = 0; i < MEMINFO_KEYS; i++) {
		if (isnan(a->bytes[i]) != isnan(b->bytes[i])) {
			return false;
		}
	}
	return a->bytes[MEMINFO_TOTAL] == b->bytes[MEMINFO_TOTAL];
}

static bool meminfo_start(struct plugin *plugin)
{
	struct meminfo_state *s = plugin->state;
	struct scan text;
	s->file = kept_file("proc/meminfo");
	s->ksm_run = kept_file("sys/kernel/mm/ksm/run");
	s->ksm_sharing = kept_file("sys/kernel/mm/ksm/pages_sharing");
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return false;
	}
	meminfo_parse(text.at, scan_length(&text), &s->declared);
	if (isnan(s->declared.bytes[MEMINFO_TOTAL])) {
		return false;
	}
	s->ksm = !isnan(memory_shared_pages(plugin, s));
	s->memory = source_add(&plugin->site->source, NULL, memory_service(plugin, s));
	return true;
}

static void meminfo_sample(struct plugin *plugin)
{
	struct meminfo_state *s = plugin->state;
	struct scan text;
	struct meminfo_reading r;
	s->memory->fresh = true;
	if (!kept_read(&plugin->site->files, &s->file, &text)) {
		return;
	}
	meminfo_parse(text.at, scan_length(&text), &r);
	if (isnan(r.bytes[MEMINFO_TOTAL])) {
		return;
	}
	double ksm = memory_shared_pages(plugin, s);
	if (!meminfo_same_shape(&r, &s->declared) || s->ksm != !isnan(ksm)) {
		s->declared = r;
		s->ksm = !isnan(ksm);
		source_redeclare(s->memory, memory_service(plugin, s));
	}
	for (size_t i = 0; i < s->count; i++) {
		const struct memory_field *field = &memory_fields[s->fields[i]];
		s->memory->values[i] = field->value ? field->value(&r) : r.bytes[field->key];
	}
	if (s->ksm) {
		s->memory->values[s->count] = ksm;
	}
}

static void meminfo_stop(struct plugin *plugin)
{
	struct meminfo_state *s = plugin->state;
	kept_close(&s->file);
	kept_close(&s->ksm_run);
	kept_close(&s->ksm_sharing);
}

const struct plugin_kind plugin_meminfo = {
	.name = "meminfo",
	.state_size = sizeof(struct meminfo_state),
	.start = meminfo_start,
	.sample = meminfo_sample,
	.stop = meminfo_stop,
};
