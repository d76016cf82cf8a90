/*
 * ssh is asked for a bare pipe: no terminal, no questions, no forwarding, nothing that a local
 * configuration could make it run besides. Whose host keys are known and which key logs in stay
 * with ssh's own files. The remote side hands the command to a shell: so whatever is not plain is
 * quoted for it.
 */
#include "runner/transport.h"

#include <string.h>

#include "base/auto.h"
#include "base/number.h"

#include "base/banned.h"

#define SSH_PROGRAM "/usr/bin/ssh"
#define PLAIN       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static const char *const ssh_options[] = {"-T", "-a", "-x", "-oBatchMode=yes", "-oEscapeChar=none",
	"-oClearAllForwardings=yes", "-oPermitLocalCommand=no", "-oConnectTimeout=20",
	"-oServerAliveInterval=15", "-oLogLevel=ERROR"};

/* The words of a text between blanks, added to `argv`. */
static void transport_split(const char *text, GPtrArray *argv)
{
	for (const char *at = text + strspn(text, " \t"); *at;) {
		size_t length = strcspn(at, " \t");
		g_ptr_array_add(argv, g_strndup(at, length));
		at += length;
		at += strspn(at, " \t");
	}
}

/* As one word of a POSIX shell. */
static char *transport_quote(const char *word)
{
	return *word && !word[strspn(word, PLAIN "/:=@%+,")] ? g_strdup(word) : g_shell_quote(word);
}

static bool transport_is_name(const char *name, const char *further)
{
	size_t length = strlen(name);
	g_autofree char *allowed = g_strconcat(PLAIN, further, NULL);
	return length > 0 && length <= 255 && name[0] != '-' && strspn(name, allowed) == length;
}

/* "[USER@]HOST[:PORT]" as options of ssh. */
static bool transport_ssh_target(const char *text, GPtrArray *argv, struct error *err)
{
	const char *at = strrchr(text, '@');
	const char *host = at ? at + 1 : text;
	const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
	const char *colon = strchr(end ? end : host, ':');
	long long port = 0;
	g_autofree char *user = at ? g_strndup(text, (gsize)(at - text)) : NULL;
	g_autofree char *name = end ? g_strndup(host + 1, (gsize)(end - host - 1))
								: g_strndup(host, colon ? (gsize)(colon - host) : strlen(host));
	if (end && end[1] && end[1] != ':') {
		return error_set(err, ERR_CONFIG, "\"%s\": behind \"]\" only \":PORT\" may stand", text);
	}
	if (user && !transport_is_name(user, "")) {
		return error_set(err, ERR_CONFIG, "\"%s\" is no user name", user);
	}
	if (!transport_is_name(name, end ? ":%" : "")) {
		return error_set(err, ERR_CONFIG, "\"%s\" is no host name", name);
	}
	if (colon && !number_parse_int(colon + 1, strlen(colon + 1), 1, 65535, &port)) {
		return error_set(err, ERR_CONFIG, "\"%s\" is no port", colon + 1);
	}
	if (user) {
		g_ptr_array_add(argv, g_strconcat("-l", user, NULL));
	}
	if (port) {
		g_ptr_array_add(argv, g_strdup_printf("-p%lld", port));
	}
	g_ptr_array_add(argv, g_strdup("--"));
	g_ptr_array_add(argv, g_strdup(name));
	return true;
}

static bool transport_ssh(const char *text, GPtrArray *argv, struct error *err)
{
	size_t url = strcspn(text, " \t");
	size_t host = strcspn(text, "/ \t");
	g_autofree char *target = g_strndup(text, host);
	g_autofree char *program = url - host > 1 ? g_strndup(text + host, url - host) : NULL;
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(argv, g_strdup(SSH_PROGRAM));
	for (size_t i = 0; i < ARRAY_LENGTH(ssh_options); i++) {
		g_ptr_array_add(argv, g_strdup(ssh_options[i]));
	}
	if (!transport_ssh_target(target, argv, err)) {
		return false;
	}
	if (program) {
		g_ptr_array_add(words, g_steal_pointer(&program));
	}
	transport_split(text + url, words);
	if (words->len && ((char *)g_ptr_array_index(words, 0))[0] != '/') {
		return error_set(err, ERR_CONFIG, "arguments without a program: ssh://HOST/PROGRAM …");
	}
	for (size_t i = 0; i < words->len; i++) {
		g_ptr_array_add(argv, transport_quote(g_ptr_array_index(words, i)));
	}
	return true;
}

GPtrArray *transport_command(const char *address, struct error *err)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	for (const char *p = address; *p; p++) {
		if ((unsigned char)*p < ' ' && *p != '\t') {
			error_set(err, ERR_CONFIG, "the address holds a control character");
			return NULL;
		}
	}
	if (g_str_has_prefix(address, "ssh://")) {
		if (!transport_ssh(address + strlen("ssh://"), argv, err)) {
			return NULL;
		}
	} else if (g_str_has_prefix(address, "cmd:///")) {
		transport_split(address + strlen("cmd://"), argv);
	} else {
		error_set(err, ERR_CONFIG, "neither \"ssh://HOST…\" nor \"cmd:///PROGRAM…\"");
		return NULL;
	}
	g_ptr_array_add(argv, NULL);
	return g_steal_pointer(&argv);
}
