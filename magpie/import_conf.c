/*
 * Every line is a path and a value. The path begins with what the section's heading says:
 *
 *     [host.dom]            dom;host.dom:KEY
 *     [grp;sub;host]        grp;sub;host:KEY
 *     [grp;sub;]            grp;sub;KEY, or grp;sub;host:KEY if the key names a host
 *     [grp;host:svc.field]  grp;host:svc.field.KEY
 *
 * A comment goes to the end of the line, "\#" is the character. A backslash at the end (of what is
 * left without the comment) joins the next line by one blank.
 */
#include "magpie/import_conf.h"

#include <string.h>

#include "base/text.h"
#include "model/munin_datafile.h"

#include "base/banned.h"

struct reader {
	struct import_conf *conf;
	const struct diag_source *source;
	struct diag_list *diags;
	const char *file; /* the conf's copy of its name */
	import_include_fn include;
	void *owner;
	unsigned line;
	char *prefix; /* "", "grp;", "grp;host", "grp;host:svc"; NULL: of a heading that is wrong */
};

/* -- the tree -- */

static void setting_free(gpointer data)
{
	struct import_setting *s = data;
	g_free(s->key);
	g_free(s->value);
	g_free(s);
}

static void section_free(gpointer data)
{
	struct import_section *s = data;
	g_free(s->group);
	g_free(s->host);
	g_free(s->lost);
	g_ptr_array_unref(s->settings);
	g_free(s);
}

static struct import_section *section_create(const char *group, const char *host)
{
	struct import_section *s = g_new0(struct import_section, 1);
	s->group = g_strdup(group);
	s->host = g_strdup(host);
	s->settings = g_ptr_array_new_with_free_func(setting_free);
	return s;
}

struct import_conf *import_conf_create(void)
{
	struct import_conf *conf = g_new0(struct import_conf, 1);
	conf->globals = section_create("", NULL);
	conf->groups = g_ptr_array_new_with_free_func(section_free);
	conf->hosts = g_ptr_array_new_with_free_func(section_free);
	conf->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	conf->files = g_ptr_array_new_with_free_func(g_free);
	return conf;
}

void import_conf_destroy(struct import_conf *conf)
{
	if (conf) {
		section_free(conf->globals);
		g_ptr_array_unref(conf->groups);
		g_ptr_array_unref(conf->hosts);
		g_hash_table_unref(conf->names);
		g_ptr_array_unref(conf->files);
		g_free(conf);
	}
}

void import_lose(struct import_section *section, const char *format, ...)
{
	if (!section->lost) {
		va_list args;
		va_start(args, format);
		section->lost = g_strdup_vprintf(format, args);
		va_end(args);
	}
}

const struct import_setting *import_find(const struct import_section *section, const char *key)
{
	for (guint i = section->settings->len; i > 0; i--) {
		const struct import_setting *s = section->settings->pdata[i - 1];
		if (!strcmp(s->key, key)) {
			return s;
		}
	}
	return NULL;
}

struct import_section *import_group(const struct import_conf *conf, const char *group)
{
	g_autofree char *key = g_strconcat(group, ";", NULL);
	return g_hash_table_lookup(conf->names, key);
}

const struct import_setting *import_inherited(
	const struct import_conf *conf, const struct import_section *section, const char *key)
{
	const struct import_setting *found = import_find(section, key);
	g_autofree char *group = g_strdup(section->group);
	while (!found && *group) {
		const struct import_section *above = import_group(conf, group);
		found = above && above != section ? import_find(above, key) : NULL;
		char *semicolon = strrchr(group, ';');
		*(semicolon ? semicolon : group) = '\0';
	}
	return found ? found : import_find(conf->globals, key);
}

/* -- complaints -- */

static void PRINTF_LIKE(4, 5) complain(
	const struct reader *r, enum diag_severity severity, const char *code, const char *format, ...)
{
	struct diag_place place = {.line = r->line, .column = 1, .end_column = 2};
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autofree char *clean = text_clean(text, strlen(text), 400);
	diag_add(r->diags, r->source, place, severity, code, "%s", clean);
}

/* -- paths -- */

static struct import_section *open_section(struct reader *r, const char *group, const char *host)
{
	g_autofree char *name = g_strconcat(group, ";", host, NULL);
	struct import_section *s = g_hash_table_lookup(r->conf->names, name);
	if (!s) {
		s = section_create(group, host);
		s->file = r->file;
		s->line = r->line;
		g_ptr_array_add(host ? r->conf->hosts : r->conf->groups, s);
		g_hash_table_insert(r->conf->names, STEAL(name), s);
	}
	return s;
}

/* "grp;sub;host" or "host.dom", up to `length`. NULL: it is none. */
static struct import_section *open_host(struct reader *r, const char *text, size_t length)
{
	g_autofree char *name = g_strndup(text, length);
	char *semicolon = strrchr(name, ';');
	const char *host = g_strstrip(semicolon ? semicolon + 1 : name);
	const char *dot = strchr(host, '.');
	if (!*host || strspn(name, "; \t") == strlen(name)) {
		return NULL;
	}
	if (!semicolon) {
		return open_section(r, dot && dot[1] ? dot + 1 : host, host);
	}
	g_autofree char *group = g_strchomp(g_strndup(name, (size_t)(semicolon - name)));
	return *group ? open_section(r, group, host) : NULL;
}

static void add_setting(
	struct reader *r, struct import_section *section, const char *key, const char *value)
{
	if (++r->conf->settings > IMPORT_SETTINGS_MAX) {
		if (r->conf->settings == IMPORT_SETTINGS_MAX + 1) {
			complain(r, DIAG_ERROR, "M104", "more than %d settings", IMPORT_SETTINGS_MAX);
		}
		return;
	}
	struct import_setting *s = g_new0(struct import_setting, 1);
	s->key = text_clean(key, strlen(key), 1024);
	s->value = munin_text(value, strlen(value), IMPORT_LINE_MAX);
	s->file = r->file;
	s->line = r->line;
	g_ptr_array_add(section->settings, s);
}

/* The heading joined with the key: "grp;sub;host:key", "grp;sub;key" or "key". */
static char *join(const struct reader *r, const char *key)
{
	if (!*r->prefix) {
		return g_strdup(key);
	}
	const char *between = strchr(r->prefix, ':')             ? "."
						  : g_str_has_suffix(r->prefix, ";") ? ""
															 : ":";
	return g_strconcat(r->prefix, between, key, NULL);
}

static void take_setting(struct reader *r, const char *key, const char *value)
{
	g_autofree char *path = join(r, key);
	char *colon = strchr(path, ':');
	char *semicolon = colon ? NULL : strrchr(path, ';');
	if (colon) {
		struct import_section *host = open_host(r, path, (size_t)(colon - path));
		if (host && colon[1]) {
			add_setting(r, host, colon + 1, value);
		} else {
			complain(r, DIAG_ERROR, "M102", "\"%s\" names no host", path);
		}
	} else if (semicolon) {
		*semicolon = '\0';
		if (*path && semicolon[1]) {
			add_setting(r, open_section(r, path, NULL), semicolon + 1, value);
		} else {
			complain(r, DIAG_ERROR, "M102", "\"%s\" names no group", path);
		}
	} else {
		add_setting(r, r->conf->globals, path, value);
	}
}

/* -- lines -- */

static bool heading_good(const char *name)
{
	size_t length = strlen(name);
	const char *colon = strchr(name, ':');
	const char *end = colon ? colon : name + length;
	return length && name[0] != ';' && end != name && (!colon || (colon[1] && colon[-1] != ';')) &&
		   !strstr(name, ";;") && !strchr(name, '[') && !strchr(name, ']');
}

static void take_heading(struct reader *r, char *text)
{
	char *end = strrchr(text, ']');
	g_clear_pointer(&r->prefix, g_free);
	if (!end || end[1]) {
		complain(r, DIAG_ERROR, "M101",
			"a section is written [host.domain], [group;host] or [group;]; what follows up to the "
			"next one is left out");
		return;
	}
	*end = '\0';
	char *name = g_strstrip(text + 1);
	if (!heading_good(name)) {
		complain(r, DIAG_ERROR, "M101",
			"[%s] names neither a host nor a group; what follows up to the next section is left "
			"out",
			name);
		return;
	}
	r->prefix = g_strdup(name);
	if (!strchr(name, ':') && !g_str_has_suffix(name, ";")) {
		(void)open_host(r, name, strlen(name)); /* it is there even if nothing is said of it */
	}
}

/* The host that the heading at hand names; NULL: it names none. */
static struct import_section *host_at_hand(struct reader *r)
{
	if (!r->prefix || !*r->prefix || g_str_has_suffix(r->prefix, ";")) {
		return NULL;
	}
	return open_host(r, r->prefix, strcspn(r->prefix, ":"));
}

static void take_text(struct reader *r, char *text)
{
	if (text[0] == '[') {
		take_heading(r, text);
		return;
	}
	if (!r->prefix) {
		return; /* the heading was complained about */
	}
	size_t length = strcspn(text, " \t");
	const char *value = text + length + strspn(text + length, " \t");
	text[length] = text[length] ? '\0' : text[length];
	if (!strcmp(text, "includedir") && *value) {
		if (r->include && !*r->prefix) {
			r->include(r->owner, value);
		} else {
			complain(r, DIAG_WARNING, "M103",
				"includedir only counts in munin.conf itself, before any section");
		}
		return;
	}
	if (!*value) {
		struct import_section *host = host_at_hand(r);
		complain(r, host ? DIAG_ERROR : DIAG_WARNING, "M103", "\"%s\" has no value", text);
		if (host) {
			g_autofree char *clean = text_clean(text, strlen(text), 64);
			import_lose(host, "%s:%u: \"%s\" has no value", r->file, r->line, clean);
		}
		return;
	}
	take_setting(r, text, value);
}

/* Takes the comment off and the blanks around; "\#" becomes "#". */
static void strip(char *text)
{
	char *to = text;
	for (const char *from = text; *from && *from != '#'; from++) {
		from += from[0] == '\\' && from[1] == '#';
		*to++ = *from;
	}
	*to = '\0';
	g_strstrip(text);
}

/* True: the line goes on. */
static bool continues(char *text)
{
	size_t length = strlen(text);
	if (!length || text[length - 1] != '\\') {
		return false;
	}
	text[length - 1] = '\0';
	g_strchomp(text);
	return true;
}

static bool fits(struct reader *r, const char *line, size_t length, const GString *joined)
{
	if (memchr(line, '\0', length)) {
		complain(r, DIAG_ERROR, "M104", "a line with a NUL is left out");
		return false;
	}
	if (length + joined->len > IMPORT_LINE_MAX) {
		complain(
			r, DIAG_ERROR, "M104", "a line of more than %d bytes is left out", IMPORT_LINE_MAX);
		return false;
	}
	return true;
}

static void parse_lines(struct reader *r)
{
	GString *joined = g_string_new(NULL);
	const char *at = r->source->text;
	const char *end = at + r->source->length;
	unsigned line = 0;
	unsigned first = 0;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline ? newline : end) - at);
		r->line = ++line;
		first = joined->len ? first : line;
		if (fits(r, at, length, joined)) {
			g_autofree char *text = g_strndup(at, length);
			strip(text);
			bool more = continues(text);
			g_string_append_printf(joined, "%s%s", joined->len && *text ? " " : "", text);
			if (!more) {
				r->line = first;
				if (joined->len) {
					take_text(r, joined->str);
				}
				g_string_truncate(joined, 0);
			}
		}
		at += length + 1;
	}
	if (joined->len) {
		r->line = first;
		take_text(r, joined->str);
	}
	g_string_free(joined, TRUE);
}

void import_conf_parse(struct import_conf *conf, const struct diag_source *source,
	struct diag_list *diags, import_include_fn include, void *owner)
{
	char *name = text_clean(source->name, strlen(source->name), 1024);
	g_ptr_array_add(conf->files, name);
	struct reader r = {.conf = conf,
		.source = source,
		.diags = diags,
		.file = name,
		.include = include,
		.owner = owner,
		.prefix = g_strdup("")};
	parse_lines(&r);
	g_free(r.prefix);
}
