/*
 * Munin's contacts: a command line that gets the messages. One that only calls a mail program with
 * plain addresses becomes a channel for mail by the mail server of this machine; any other becomes
 * a channel that executes the program with the same arguments, each by itself: what a template puts
 * into one stays in it (in Munin a shell reads it again). What only a shell could do is told.
 */
#include <string.h>

#include "base/address.h"
#include "magpie/import_own.h"

#include "base/banned.h"

struct contact {
	char *name;
	const struct import_setting *command, *text, *always, *most;
};

static void contact_free(gpointer data)
{
	struct contact *c = data;
	g_free(c->name);
	g_free(c);
}

static struct contact *find_contact(GPtrArray *contacts, const char *name)
{
	for (guint i = 0; i < contacts->len; i++) {
		struct contact *c = contacts->pdata[i];
		if (!strcmp(c->name, name)) {
			return c;
		}
	}
	struct contact *c = g_new0(struct contact, 1);
	c->name = g_strdup(name);
	g_ptr_array_add(contacts, c);
	return c;
}

/* "contact.NAME.KEY" of the globals. */
static void gather(struct import_run *run, GPtrArray *contacts)
{
	for (guint i = 0; i < run->conf->globals->settings->len; i++) {
		const struct import_setting *s = run->conf->globals->settings->pdata[i];
		const char *dot = g_str_has_prefix(s->key, "contact.") ? strrchr(s->key, '.') : NULL;
		size_t prefix = strlen("contact.");
		if (!dot || dot < s->key + prefix) {
			continue;
		}
		g_autofree char *name = g_strndup(s->key + prefix, (size_t)(dot - s->key) - prefix);
		struct contact *c = find_contact(contacts, name);
		if (!strcmp(dot, ".command")) {
			c->command = s;
		} else if (!strcmp(dot, ".text")) {
			c->text = s;
		} else if (!strcmp(dot, ".always_send")) {
			c->always = s;
		} else if (!strcmp(dot, ".max_messages")) {
			c->most = s;
		}
	}
}

/* -- words of a shell -- */

/* The end of "${…}" at `p`, or `p` itself. */
static const char *placeholder_end(const char *p)
{
	if (p[0] != '$' || p[1] != '{') {
		return p;
	}
	unsigned depth = 0;
	for (const char *at = p + 1; *at; at++) {
		depth += *at == '{';
		if (*at == '}' && --depth == 0) {
			return at + 1;
		}
	}
	return p;
}

/*
 * Splits as a shell would, quotes taken off; "${…}" stays whole. NULL: only a shell could do what
 * stands there, `*why` says what.
 */
static GPtrArray *split(const char *text, const char **why)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GString) word = g_string_new(NULL);
	bool open = false;
	char quote = '\0';
	for (const char *p = text; *p; p++) {
		const char *end = quote == '\'' ? p : placeholder_end(p);
		if (end != p) {
			g_string_append_len(word, p, end - p);
			p = end - 1;
			open = true;
		} else if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? '\0' : *p;
			open = true;
		} else if (*p == '\\' && p[1] && quote != '\'') {
			g_string_append_c(word, *++p);
			open = true;
		} else if (strchr("`$", *p) && quote != '\'') {
			*why = "it lets a shell put in variables or the output of other commands";
			return NULL;
		} else if (!quote && strchr("|&;<>()*?[", *p)) {
			*why = "it needs a shell (pipes, redirections, patterns); put that into a script of "
				   "its own";
			return NULL;
		} else if (!quote && (*p == ' ' || *p == '\t')) {
			if (open) {
				g_ptr_array_add(words, g_strdup(word->str));
			}
			g_string_truncate(word, 0);
			open = false;
		} else {
			g_string_append_c(word, *p);
			open = true;
		}
	}
	if (quote) {
		*why = "a quote is not closed";
		return NULL;
	}
	if (open) {
		g_ptr_array_add(words, g_strdup(word->str));
	}
	*why = "it is empty";
	return words->len ? g_steal_pointer(&words) : NULL;
}

/* -- mail -- */

/* The addresses of a call of a mail program; NULL: it is none, or does more than to send. */
static GPtrArray *mail_addresses(const GPtrArray *words)
{
	static const char *const programs[] = {
		"mail", "mailx", "bsd-mailx", "s-nail", "heirloom-mailx", "nail", "mutt"};
	const char *slash = strrchr(words->pdata[0], '/');
	const char *program = slash ? slash + 1 : words->pdata[0];
	bool known = false;
	for (size_t i = 0; i < ARRAY_LENGTH(programs); i++) {
		known = known || !strcmp(programs[i], program);
	}
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	for (guint i = 1; known && i < words->len; i++) {
		const char *word = words->pdata[i];
		if (!strcmp(word, "-s") || !strcmp(word, "-a") || !strcmp(word, "-r")) {
			i++; /* subject, header, sender: Magpie's own */
		} else if (word[0] == '-' && word[1] && strcmp(word, "--") != 0) {
			continue;
		} else if (strcmp(word, "--") != 0) {
			if (!address_check_mail(word, NULL)) {
				return NULL;
			}
			g_ptr_array_add(found, (gpointer)word);
		}
	}
	return found->len ? g_steal_pointer(&found) : NULL;
}

/* -- templates -- */

/* Magpie's word for a variable of Munin's; NULL: there is none. */
static const char *translated(const char *name, size_t length)
{
	static const struct {
		const char *munin, *magpie;
	} words[] = {{"host", "${host}"}, {"group", "${group}"}, {"graph_title", "${title}"},
		{"plugin", "${service}"}, {"worst", "${level}"}, {"graph_category", "${category}"}};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (strlen(words[i].munin) == length && !strncmp(words[i].munin, name, length)) {
			return words[i].magpie;
		}
	}
	return NULL;
}

/* One argument with Munin's templates in it, as Magpie writes it. */
static char *translate(struct import_run *run, const struct import_setting *s, const char *word)
{
	GString *out = g_string_new(NULL);
	for (const char *p = word; *p;) {
		const char *end = placeholder_end(p);
		if (end == p) {
			g_string_append_c(out, *p++);
			continue;
		}
		size_t length = (size_t)(end - p);
		const char *name =
			length > 7 && !strncmp(p, "${var:", 6) ? translated(p + 6, length - 7) : NULL;
		if (name) {
			g_string_append(out, name);
		} else {
			import_note(run->report, IMPORT_DROPPED, s->key, s,
				"%.*s in an argument has no counterpart and is left out", (int)MIN(length, 80), p);
		}
		p = end;
	}
	return g_string_free(out, FALSE);
}

/* -- writing -- */

static void put_mail(struct import_run *run, const char *name, const GPtrArray *addresses)
{
	for (guint i = 0; i < addresses->len; i++) {
		g_string_append(run->out, "\nchannel ");
		g_autofree char *own = i ? g_strdup_printf("%s-%u", name, i + 1) : g_strdup(name);
		import_quote(run->out, own);
		g_string_append(run->out, " {\n\temail ");
		import_quote(run->out, addresses->pdata[i]);
		g_string_append(run->out, "\n}\n");
		run->report->channels++;
	}
}

static void put_command(struct import_run *run, const struct contact *c, const GPtrArray *words)
{
	g_string_append(run->out, "\nchannel ");
	import_quote(run->out, c->name);
	g_string_append(run->out, " {\n\tcommand");
	for (guint i = 0; i < words->len; i++) {
		g_autofree char *word = translate(run, c->command, words->pdata[i]);
		g_string_append_c(run->out, ' ');
		import_quote(run->out, word);
	}
	g_string_append(run->out, "\n}\n");
	run->report->channels++;
}

/* The program's path, if it can be found where Munin's PATH would have found it. */
static void find_program(GPtrArray *words)
{
	static const char *const places[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
	for (size_t i = 0; ((const char *)words->pdata[0])[0] != '/' && i < ARRAY_LENGTH(places); i++) {
		char *path = g_build_filename(places[i], words->pdata[0], NULL);
		if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
			g_free(words->pdata[0]);
			words->pdata[0] = path;
			return;
		}
		g_free(path);
	}
}

static void tell_rest(struct import_run *run, const struct contact *c)
{
	const struct import_setting *s[] = {c->text, c->always, c->most};
	static const char *const why[] = {
		"texts of messages are Magpie's own: rule, host, value, threshold, since when",
		"what is told again and when is said in rules and policies",
		"every problem is a message of its own"};
	for (size_t i = 0; i < ARRAY_LENGTH(s); i++) {
		if (s[i]) {
			import_note(run->report, IMPORT_DROPPED, s[i]->key, s[i], "%s", why[i]);
		}
	}
}

/* Whether the smtp block was needed. */
static void put_contact(struct import_run *run, const struct contact *c, bool *smtp)
{
	const char *why = NULL;
	tell_rest(run, c);
	if (!c->command) {
		return;
	}
	const char *text = c->command->value;
	text += strspn(text, "|> \t");
	g_autoptr(GPtrArray) words = split(text, &why);
	if (!words) {
		import_note(run->report, IMPORT_DROPPED, c->command->key, c->command, "%s", why);
		return;
	}
	g_autoptr(GPtrArray) addresses = mail_addresses(words);
	if (addresses && !*smtp) {
		*smtp = true;
		g_string_append(run->out, "\n# Mail goes by the mail server of this machine, as the "
								  "program of Munin's contact did.\n"
								  "smtp {\n\tserver \"smtp://127.0.0.1:25\"\n\ttls optional\n}\n");
	}
	if (addresses) {
		put_mail(run, c->name, addresses);
	} else {
		find_program(words);
		put_command(run, c, words);
	}
}

void import_contacts(struct import_run *run)
{
	g_autoptr(GPtrArray) contacts = g_ptr_array_new_with_free_func(contact_free);
	bool smtp = false;
	gather(run, contacts);
	for (guint i = 0; i < contacts->len; i++) {
		put_contact(run, contacts->pdata[i], &smtp);
	}
	const struct import_setting *chosen = import_find(run->conf->globals, "contacts");
	if (chosen && (!strcmp(chosen->value, "none") || !strcmp(chosen->value, "no"))) {
		import_note(run->report, IMPORT_DROPPED, "", chosen,
			"contacts %s: take the channels out of the file if nobody is to be told",
			chosen->value);
	} else if (chosen) {
		g_auto(GStrv) words = g_strsplit_set(chosen->value, " \t", -1);
		g_string_append(run->out, "\nnotify");
		for (size_t i = 0; words[i]; i++) {
			if (*words[i]) {
				g_string_append_c(run->out, ' ');
				import_quote(run->out, words[i]);
			}
		}
		g_string_append_c(run->out, '\n');
	}
}
