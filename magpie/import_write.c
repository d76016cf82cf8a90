/*
 * What of a munin.conf is written where. A host that cannot be understood in one point that matters
 * for its polling is lost whole, and told; all else costs the line it stands on. Settings that
 * Munin inherits from groups and globals are settled here, so that each host block says what holds
 * for it.
 *
 * The result is read by the parser of magpie.conf before anybody sees it: a statement that it
 * refuses becomes a comment and a note, so what is written always passes.
 */
#include "magpie/import_write.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "magpie/import_own.h"
#include "model/config.h"

#include "base/banned.h"

static void put_text(GString *out, unsigned depth, const char *name, const char *value)
{
	import_indent(out, depth);
	g_string_append_printf(out, "%s ", name);
	import_quote(out, value);
	g_string_append_c(out, '\n');
}

/* -- what is said of hosts -- */

/* Keys of hosts, groups and globals that are no attributes of graphs. */
enum key_use {
	KEY_HOST,   /* read below */
	KEY_SILENT, /* means nothing outside of Munin's own machinery */
	KEY_TOLD,   /* somebody wanted something by it */
};

static const struct {
	const char *name;
	enum key_use use;
	const char *why;
} keys[] = {
	{"address", KEY_HOST, NULL},
	{"port", KEY_HOST, NULL},
	{"use_node_name", KEY_HOST, NULL},
	{"use_default_node", KEY_HOST, NULL},
	{"update", KEY_HOST, NULL},
	{"tls", KEY_HOST, NULL},
	{"tls_certificate", KEY_HOST, NULL},
	{"tls_private_key", KEY_HOST, NULL},
	{"tls_ca_certificate", KEY_HOST, NULL},
	{"tls_verify_certificate", KEY_HOST, NULL},
	{"tls_verify_depth", KEY_TOLD, "chains of any length are checked"},
	{"tls_match", KEY_TOLD, "the certificate has to bear the host's name"},
	{"local_address", KEY_TOLD, "connections go out by the address that the system chooses"},
	{"notify_alias", KEY_TOLD, "messages bear the host's own name"},
	{"html_rename", KEY_TOLD, "pages bear the host's own name"},
	{"ssh_command", KEY_TOLD, "ssh is run as the runner finds it"},
	{"ssh_options", KEY_TOLD, "put them into the ssh_config of the user who runs Magpie"},
	{"compare", KEY_TOLD, "every host can be compared"},
	{"group_order", KEY_TOLD, "groups are sorted by name"},
	{"domain_order", KEY_TOLD, "groups are sorted by name"},
	{"node_order", KEY_TOLD, "hosts are sorted by name"},
	{"service_order", KEY_TOLD, "graphs are sorted by category and name"},
	{"palette", KEY_TOLD, "colours are those of Munin's default palette"},
	{"custom_palette", KEY_TOLD, "colours are those of Munin's default palette"},
	{"rrdcached_socket", KEY_TOLD, "Magpie writes in batches itself; end rrdcached first"},
	{"ignore_unknown", KEY_SILENT, NULL},
	{"update_priority", KEY_SILENT, NULL},
	{"timeout", KEY_SILENT, NULL},
	{"dbdir", KEY_SILENT, NULL},
	{"htmldir", KEY_SILENT, NULL},
	{"logdir", KEY_SILENT, NULL},
	{"rundir", KEY_SILENT, NULL},
	{"tmpldir", KEY_SILENT, NULL},
	{"staticdir", KEY_SILENT, NULL},
	{"cgitmpdir", KEY_SILENT, NULL},
	{"cgiurl", KEY_SILENT, NULL},
	{"cgiurl_graph", KEY_SILENT, NULL},
	{"graph_strategy", KEY_SILENT, NULL},
	{"html_strategy", KEY_SILENT, NULL},
	{"html_dynamic_images", KEY_SILENT, NULL},
	{"max_size_x", KEY_SILENT, NULL},
	{"max_size_y", KEY_SILENT, NULL},
	{"max_processes", KEY_SILENT, NULL},
	{"max_graph_jobs", KEY_SILENT, NULL},
	{"max_html_jobs", KEY_SILENT, NULL},
	{"max_cgi_graph_jobs", KEY_SILENT, NULL},
	{"munin_cgi_graph_jobs", KEY_SILENT, NULL},
	{"timeout_fetch_one_node", KEY_SILENT, NULL},
	{"timeout_fetch_all_nodes", KEY_SILENT, NULL},
	{"fork", KEY_SILENT, NULL},
	{"worker_start_delay", KEY_SILENT, NULL},
	{"contacts", KEY_HOST, NULL},
};

static bool key_find(const char *name, enum key_use *use, const char **why)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		if (!strcmp(keys[i].name, name)) {
			*use = keys[i].use;
			*why = keys[i].why;
			return true;
		}
	}
	return false;
}

bool import_key_known(const char *key)
{
	enum key_use use;
	const char *why;
	return key_find(key, &use, &why) || g_str_has_prefix(key, "nsca") ||
		   g_str_has_prefix(key, "contact.");
}

/* Keys without a dot that import_override.c does not take. */
static void tell_keys(struct import_run *run, const struct import_section *section)
{
	g_autofree char *subject = import_subject(section);
	for (guint i = 0; i < section->settings->len; i++) {
		const struct import_setting *s = section->settings->pdata[i];
		enum key_use use;
		const char *why;
		if (!strchr(s->key, '.') && key_find(s->key, &use, &why) && use == KEY_TOLD) {
			import_note(run->report, IMPORT_DROPPED, subject, s, "%s: %s", s->key, why);
		}
	}
	const struct import_setting *contacts = import_find(section, "contacts");
	if (contacts && section != run->conf->globals) {
		import_note(run->report, IMPORT_DROPPED, subject, contacts,
			"contacts: which channel hears of which host is said in rules (\"notify\")");
	}
}

static const char *inherited(
	const struct import_run *run, const struct import_section *host, const char *key)
{
	const struct import_setting *s = import_inherited(run->conf, host, key);
	return s ? s->value : NULL;
}

/* A flag of the host or of what is above it; a word that is none costs the host. */
static bool host_flag(
	const struct import_run *run, struct import_section *host, const char *key, bool otherwise)
{
	const struct import_setting *s = import_inherited(run->conf, host, key);
	bool flag = otherwise;
	if (s && !import_flag(s->value, &flag)) {
		import_lose(
			host, "%s:%u: \"%s\" takes yes or no, not \"%s\"", s->file, s->line, key, s->value);
	}
	return flag;
}

struct node {
	bool asked, named;
	char *address; /* as magpie.conf writes it, g_free */
	char *reached; /* name or address of the host itself; NULL: its name */
	char group[IDENT_GROUP_MAX + 1];
	bool same_group;
};

static void node_finish(struct node *node)
{
	g_free(node->address);
	g_free(node->reached);
}

static bool is_scheme(const char *address, const char *scheme)
{
	return g_str_has_prefix(address, scheme);
}

static void read_address(
	const struct import_run *run, struct import_section *host, struct node *node)
{
	const struct import_setting *written = import_inherited(run->conf, host, "address");
	const struct import_setting *port = import_inherited(run->conf, host, "port");
	const char *address = written ? written->value : host->host;
	long long number = 4949;
	if (port && !number_parse_int(port->value, strlen(port->value), 1, 65535, &number)) {
		import_lose(host, "%s:%u: \"%s\" is no port", port->file, port->line, port->value);
		return;
	}
	if (is_scheme(address, "ssh://") || is_scheme(address, "cmd://") ||
		is_scheme(address, "unix://")) {
		node->address = g_strdup(address);
		return;
	}
	address += is_scheme(address, "munin://") ? strlen("munin://") : 0;
	g_autofree char *bare = g_strdup(address);
	bare[strcspn(bare, "/")] = '\0';
	bool bracketed = bare[0] == '[' && strchr(bare, ']');
	const char *colon = strrchr(bare, ':');
	bool literal = !bracketed && colon && strchr(bare, ':') != colon;
	if (bracketed ? strchr(strchr(bare, ']'), ':') != NULL : colon && !literal) {
		node->address = g_strdup(bare); /* with its own port */
		return;
	}
	node->address = g_strdup_printf(literal ? "[%s]:%lld" : "%s:%lld", bare, number);
	if (written && !bracketed && strcmp(bare, host->host) != 0) {
		node->reached = g_strdup(bare);
	}
}

static bool same_host_before(const struct import_run *run, const struct import_section *host)
{
	for (guint i = 0; i < run->conf->hosts->len && run->conf->hosts->pdata[i] != host; i++) {
		const struct import_section *other = run->conf->hosts->pdata[i];
		if (!other->lost && !strcmp(other->host, host->host)) {
			return true;
		}
	}
	return false;
}

static void judge_host(struct import_run *run, struct import_section *host, struct node *node)
{
	if (!ident_is_host(host->host)) {
		import_lose(host,
			"Magpie takes names of hosts made of letters, digits, \"_\", \"-\" and \".\" only");
	}
	if (!munin_group(host->group, strlen(host->group), node->group, &node->same_group)) {
		import_lose(host, "Magpie cannot name its group");
	}
	if (same_host_before(run, host)) {
		import_lose(
			host, "another host above has this name, in another group; names are unique here");
	}
	node->asked = host_flag(run, host, "update", true);
	bool by_default = host_flag(run, host, "use_default_node", false);
	node->named = !host_flag(run, host, "use_node_name", false) && !by_default;
	if (node->asked) {
		read_address(run, host, node);
	}
}

/* -- a host block -- */

static void put_tls(struct import_run *run, const struct import_section *host)
{
	static const struct {
		const char *key, *name;
	} paths[] = {{"tls_ca_certificate", "ca"}, {"tls_certificate", "certificate"},
		{"tls_private_key", "key"}};
	const struct import_setting *tls = import_inherited(run->conf, host, "tls");
	if (!tls) {
		return;
	}
	g_autofree char *word = g_ascii_strdown(tls->value, -1);
	if (strcmp(word, "auto") != 0 && strcmp(word, "enabled") != 0 &&
		strcmp(word, "paranoid") != 0) {
		return; /* judged before; "disabled" is what holds anyway */
	}
	g_string_append_printf(run->out, "\ttls %s\n", word);
	bool both = inherited(run, host, "tls_certificate") && inherited(run, host, "tls_private_key");
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		const char *path = inherited(run, host, paths[i].key);
		if (path && (i == 0 || both)) {
			put_text(run->out, 1, paths[i].name, path);
		}
	}
	bool verify;
	const char *wanted = inherited(run, host, "tls_verify_certificate");
	if (wanted && import_flag(wanted, &verify)) {
		g_string_append_printf(run->out, "\tverify %s\n", verify ? "yes" : "no");
	}
}

static void judge_tls(const struct import_run *run, struct import_section *host)
{
	static const char *const words[] = {"disabled", "auto", "enabled", "paranoid", NULL};
	const struct import_setting *tls = import_inherited(run->conf, host, "tls");
	g_autofree char *word = tls ? g_ascii_strdown(tls->value, -1) : NULL;
	if (word && !g_strv_contains(words, word)) {
		import_lose(
			host, "%s:%u: \"tls\" takes disabled, auto, enabled or paranoid", tls->file, tls->line);
	}
	(void)host_flag(run, host, "tls_verify_certificate", false);
}

static void put_interval(struct import_run *run, const struct import_section *host)
{
	const struct import_setting *s = import_inherited(run->conf, host, "update_rate");
	uint32_t seconds;
	if (!s) {
		return;
	}
	if (munin_rate(s->value, &seconds)) {
		g_string_append_printf(run->out, "\tinterval %us\n", (unsigned)seconds);
	} else {
		g_autofree char *subject = import_subject(host);
		import_note(
			run->report, IMPORT_DROPPED, subject, s, "update_rate: \"%s\" is no time", s->value);
	}
}

static void put_node(
	struct import_run *run, const struct import_section *host, const struct node *node)
{
	if (!node->asked) {
		return;
	}
	if (node->reached) {
		put_text(run->out, 1, "address", node->reached);
	}
	put_text(run->out, 1, "munin", node->address);
	if (node->named) {
		g_autofree char *name = g_ascii_strdown(host->host, -1);
		put_text(run->out, 1, "node_name", name);
	}
	put_interval(run, host);
	put_tls(run, host);
}

static void tell_lost(struct import_run *run, const struct import_section *host)
{
	g_autofree char *subject = import_subject(host);
	struct import_setting at = {.file = host->file, .line = host->line};
	import_note(run->report, IMPORT_LOST, subject, &at, "%s", host->lost);
	g_autofree char *clean = text_clean(subject, strlen(subject), 300);
	g_autofree char *why = text_clean(host->lost, strlen(host->lost), 600);
	g_string_append_printf(run->out, "\n# left out: %s: %s\n", clean, why);
	run->report->lost++;
}

static void tell_group(
	struct import_run *run, const struct import_section *host, const struct node *node)
{
	if (!node->same_group) {
		g_autofree char *subject = import_subject(host);
		g_autofree char *directory = g_strdelimit(g_strdup(host->group), ";", '/');
		struct import_setting at = {.file = host->file, .line = host->line};
		import_note(run->report, IMPORT_CHANGED, subject, &at,
			"its group is called \"%s\" now; for its history to go on, rename the directory \"%s\" "
			"of "
			"the tree so before the start",
			node->group, directory);
	}
}

static void put_host(struct import_run *run, struct import_section *host)
{
	struct node node = {0};
	judge_host(run, host, &node);
	judge_tls(run, host);
	if (host->lost) {
		tell_lost(run, host);
		node_finish(&node);
		return;
	}
	tell_group(run, host, &node);
	tell_keys(run, host);
	gsize before = run->out->len;
	g_string_append_printf(run->out, "\nhost \"%s\" {\n", host->host);
	put_text(run->out, 1, "group", node.group);
	put_node(run, host, &node);
	unsigned drawn = import_overrides(run, host, 1);
	g_string_append(run->out, "}\n");
	host->asked = node.asked;
	run->report->asked += node.asked;
	run->report->drawn += !node.asked && drawn;
	if (!node.asked && !drawn) {
		g_autofree char *subject = import_subject(host);
		const struct import_setting *update = import_inherited(run->conf, host, "update");
		import_note(run->report, IMPORT_DROPPED, subject, update,
			"update no: it is not asked and draws nothing of others; its history stays in the "
			"tree");
		g_string_truncate(run->out, before);
		g_string_append_printf(run->out, "\n# not asked (update no): %s\n", host->host);
		run->report->unasked++;
		host->idle = true;
	}
	node_finish(&node);
}

/* -- groups and globals -- */

/* One group: what is said of all, if it is one at the top, and what is said of itself. */
static void put_group(struct import_run *run, const char *name)
{
	const struct import_section *own = import_group(run->conf, name);
	bool all = !strchr(name, ';') && import_has_overrides(run->conf->globals);
	char path[IDENT_GROUP_MAX + 1];
	bool same;
	gsize before = run->out->len;
	if ((!all && (!own || !import_has_overrides(own))) ||
		!munin_group(name, strlen(name), path, &same)) {
		return;
	}
	g_string_append_printf(run->out, "\ngroup \"%s\" {\n", path);
	gsize begun = run->out->len;
	if (all) {
		(void)import_overrides(run, run->conf->globals, 1);
		run->globals_told = true;
	}
	if (own) {
		(void)import_overrides(run, own, 1);
	}
	if (run->out->len == begun) {
		g_string_truncate(run->out, before);
	} else {
		g_string_append(run->out, "}\n");
	}
}

static void put_groups(struct import_run *run)
{
	g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < run->conf->hosts->len; i++) {
		const struct import_section *host = run->conf->hosts->pdata[i];
		g_autofree char *top = g_strndup(host->group, strcspn(host->group, ";"));
		if (!g_hash_table_contains(done, top)) {
			put_group(run, top);
			g_hash_table_add(done, STEAL(top));
		}
	}
	for (guint i = 0; i < run->conf->groups->len; i++) {
		const struct import_section *group = run->conf->groups->pdata[i];
		tell_keys(run, group);
		if (!g_hash_table_contains(done, group->group)) {
			put_group(run, group->group);
		}
	}
}

static void put_layout(struct import_run *run)
{
	const struct import_setting *s = import_find(run->conf->globals, "graph_data_size");
	if (!s || !strcmp(s->value, "normal")) {
		g_string_append(run->out,
			"# New files are laid out as Munin's; \"default\" keeps more, see docs.\n"
			"layout normal\n");
		return;
	}
	g_string_append(run->out, "layout ");
	import_quote(run->out, s->value);
	g_string_append_c(run->out, '\n');
}

static void put_globals(struct import_run *run)
{
	const char *origin = run->options->origin;
	g_autofree char *name = text_clean(origin, strlen(origin), 300); /* a comment is one line */
	g_string_append_printf(run->out,
		"# Written by `magpie import munin` from %s.\n"
		"# Nodes are asked every 60 s; `interval 5m` in the block of a host or group asks them as "
		"Munin did.\n\n",
		name);
	g_string_append(run->out, "archive {\n");
	put_text(run->out, 1, "directory", run->options->directory);
	g_string_append(run->out, "}\n");
	put_layout(run);
	tell_keys(run, run->conf->globals);
}

/* -- what the parser of magpie.conf says to it -- */

/* The line that closes the block which the line at `from` opens, or that line itself. */
static size_t statement_end(char *const *lines, size_t from)
{
	int depth = 0;
	for (size_t i = from; lines[i]; i++) {
		const char *comment = lines[i] + strspn(lines[i], "\t ");
		if (*comment == '#') {
			continue;
		}
		depth += g_str_has_suffix(lines[i], "{") ? 1 : 0;
		depth -= !strcmp(comment, "}") ? 1 : 0;
		if (depth <= 0) {
			return i;
		}
	}
	return from;
}

/* A whole host is refused: it is lost. */
static void lose_refused(struct import_run *run, const char *name, const char *why)
{
	for (guint i = 0; i < run->conf->hosts->len; i++) {
		struct import_section *host = run->conf->hosts->pdata[i];
		size_t length = strlen(host->host);
		if (!host->lost && !strncmp(name, host->host, length) && name[length] == '"') {
			g_autofree char *subject = import_subject(host);
			struct import_setting at = {.file = host->file, .line = host->line};
			import_lose(host, "%s", why);
			import_note(run->report, IMPORT_LOST, subject, &at, "%s", why);
			run->report->lost++;
			*(host->asked ? &run->report->asked : &run->report->drawn) -= 1;
			return;
		}
	}
}

static void tell_refused(struct import_run *run, const char *line, const char *why)
{
	static const char host[] = "host \"";
	if (g_str_has_prefix(line, host)) {
		lose_refused(run, line + strlen(host), why);
	} else {
		import_note(run->report, IMPORT_DROPPED, line + strspn(line, "\t "), NULL, "%s", why);
	}
}

/* Turns what is refused into comments, once; false: there was nothing that could be. */
static bool comment_refused(struct import_run *run)
{
	AUTO(diag_list) diags = diag_list_create();
	AUTO(bundle) bundle = bundle_create();
	bundle_add(bundle, CONFIG_MAIN_FILE, run->out->str, run->out->len);
	AUTO(config) config = config_parse(bundle, diags);
	if (config) {
		return false;
	}
	g_auto(GStrv) lines = g_strsplit(run->out->str, "\n", -1);
	size_t count = g_strv_length(lines);
	bool any = false;
	for (size_t i = 0; i < diag_count(diags); i++) {
		const struct diag *d = diag_at(diags, i);
		size_t at = d->place.line - 1;
		if (d->severity != DIAG_ERROR || at >= count || lines[at][0] == '#') {
			continue;
		}
		tell_refused(run, lines[at], d->message);
		any = true;
		size_t end = statement_end(lines, at);
		for (size_t k = at; k <= end; k++) {
			char *old = lines[k];
			lines[k] = g_strconcat(old[0] == '#' ? "" : "# ", old, NULL);
			g_free(old);
		}
	}
	char *joined = g_strjoinv("\n", lines);
	g_string_assign(run->out, joined);
	g_free(joined);
	return any;
}

char *import_write(
	struct import_conf *conf, const struct import_options *options, struct import_report *report)
{
	enum { ROUNDS = 1000 };
	struct import_run run = {.conf = conf, .options = options, .report = report};
	run.out = g_string_new(NULL);
	run.services = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; options->datafile && i < options->datafile->services->len; i++) {
		const struct service *s = options->datafile->services->pdata[i];
		g_hash_table_add(run.services, g_strconcat(s->host_name, "\n", s->name, NULL));
	}
	put_globals(&run);
	import_contacts(&run);
	put_groups(&run);
	for (guint i = 0; i < conf->hosts->len; i++) {
		put_host(&run, conf->hosts->pdata[i]);
	}
	for (unsigned round = 0; round < ROUNDS && comment_refused(&run); round++) {
	}
	g_hash_table_unref(run.services);
	return g_string_free(run.out, FALSE);
}
