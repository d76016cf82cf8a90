/*
 * The environment is made here and nothing of ours is inherited. Names of hosts and addresses are
 * data: they become part of an argument, but never an option and never of the program's own path.
 */
#include "runner/order.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/program.h"
#include "runner/transport.h"

#include "base/banned.h"

#define ORDER_PATH "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

enum { STATE_MODE = 0750, STATE_PARENT_MODE = 0755 };

static bool is_word(char c)
{
	return g_ascii_isalnum(c) || c == '_';
}

char *order_expand(const char *text, const char *host, const char *address)
{
	const struct {
		const char *name, *value;
	} words[] = {{"$HOST", host}, {"$ADDRESS", address}};
	GString *out = g_string_new(NULL);
	for (const char *at = text; *at;) {
		const char *value = NULL;
		for (size_t i = 0; i < ARRAY_LENGTH(words) && !value; i++) {
			size_t length = strlen(words[i].name);
			if (strncmp(at, words[i].name, length) == 0 && !is_word(at[length])) {
				value = words[i].value;
				at += length;
			}
		}
		if (value) {
			g_string_append(out, value);
		} else {
			g_string_append_c(out, *at++);
		}
	}
	return g_string_free(out, FALSE);
}

/* -- the environment -- */

/* Adds "NAME=value" in place of an earlier one of that name. Takes `text`. */
static void order_set(GPtrArray *environment, char *text)
{
	size_t length = strcspn(text, "=") + 1;
	for (size_t i = 0; i < environment->len; i++) {
		if (strncmp(g_ptr_array_index(environment, i), text, length) == 0) {
			g_free(environment->pdata[i]);
			environment->pdata[i] = text;
			return;
		}
	}
	g_ptr_array_add(environment, text);
}

/* The directory in which the user's plugins keep things. NULL: it cannot be made. */
static char *order_state_dir(const char *state_dir, const struct user *user, struct error *err)
{
	g_autofree char *dir = g_strconcat(state_dir, "/", user->name, NULL);
	struct stat st;
	if (mkdir(state_dir, STATE_PARENT_MODE) && errno != EEXIST) {
		error_errno(err, ERR_STORAGE, errno, "%s", state_dir);
		return NULL;
	}
	if (mkdir(dir, STATE_MODE) && errno != EEXIST) {
		error_errno(err, ERR_STORAGE, errno, "%s", dir);
		return NULL;
	}
	if (lstat(dir, &st) || !S_ISDIR(st.st_mode)) {
		error_set(err, ERR_STORAGE, "%s: is no directory", dir);
		return NULL;
	}
	if (st.st_uid != user->uid && lchown(dir, user->uid, user->gid)) {
		error_errno(err, ERR_STORAGE, errno, "%s", dir);
		return NULL;
	}
	return g_steal_pointer(&dir);
}

static void order_munin_environment(
	GPtrArray *environment, const struct order *order, const char *state, const char *path)
{
	static const char *const fixed[] = {"MUNIN_CAP_MULTIGRAPH=1", "MUNIN_CAP_DIRTYCONFIG=1",
		"MUNIN_MASTER_IP=127.0.0.1", "MUNIN_DEBUG=0", "MUNIN_PREFIX=/usr",
		"MUNIN_CONFDIR=/etc/munin", "MUNIN_LIBDIR=/usr/share/munin", "MUNIN_BINDIR=/usr/bin",
		"MUNIN_SBINDIR=/usr/sbin", "MUNIN_SPOOLDIR=/var/lib/munin-node/spool",
		"MUNIN_LOGDIR=/var/log/munin", "MUNIN_STATEDIR=/run/munin", "MUNIN_VERSION=2.0",
		"PYTHONIOENCODING=utf8:replace"};
	for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++) {
		order_set(environment, g_strdup(fixed[i]));
	}
	g_autofree char *base = g_path_get_basename(path);
	order_set(environment, g_strconcat("FQDN=", order->host, NULL));
	order_set(environment, g_strconcat("MUNIN_PLUGSTATE=", state, NULL));
	order_set(environment, g_strconcat("MUNIN_STATEFILE=", state, "/", base, "-127.0.0.1", NULL));
}

static bool order_environment(const struct order *order, const struct config_source *source,
	const char *state_dir, struct order_command *out, struct error *err)
{
	GPtrArray *environment = out->environment;
	order_set(environment, g_strdup(ORDER_PATH));
	order_set(environment, g_strdup("LC_ALL=C"));
	order_set(environment, g_strdup("LANG=C"));
	order_set(environment, g_strconcat("HOME=", out->user.home, NULL));
	order_set(environment, g_strconcat("USER=", out->user.name, NULL));
	order_set(environment, g_strconcat("LOGNAME=", out->user.name, NULL));
	if (order->what == EXECUTE_TRANSPORT) {
		return true;
	}
	g_autofree char *state = order_state_dir(state_dir, &out->user, err);
	if (!state) {
		return error_prefix(err, "place for what plugins keep");
	}
	if (order->what == EXECUTE_CHECK) {
		order_set(environment, g_strconcat("MP_STATE_PATH=", state, NULL));
		return true;
	}
	order_munin_environment(environment, order, state, out->path);
	const GPtrArray *own = source->plugin.environment;
	for (size_t i = 0; own && i < own->len; i++) {
		order_set(environment, g_strdup(g_ptr_array_index(own, i)));
	}
	return true;
}

/* -- the vector -- */

static bool order_argument(GPtrArray *argv, const char *text, const struct config_host *host,
	const char *address, struct error *err)
{
	char *argument = order_expand(text, host->name, address);
	g_ptr_array_add(argv, argument);
	if (argument[0] == '-' && text[0] != '-') {
		return error_set(err, ERR_DENIED, "\"%s\" would become an option", text);
	}
	return true;
}

static bool order_vector(const struct order *order, const struct config_source *source,
	const GPtrArray *command, GPtrArray *argv, struct error *err)
{
	const struct config_host *host = source->host;
	for (size_t i = 0; i < command->len; i++) {
		const char *text = g_ptr_array_index(command, i);
		if (i == 0 || order->what != EXECUTE_CHECK) {
			g_ptr_array_add(argv, g_strdup(text));
		} else if (!order_argument(argv, text, host, host->address, err)) {
			return false;
		}
	}
	if (order->what == EXECUTE_CONFIG) {
		g_ptr_array_add(argv, g_strdup("config"));
	}
	g_ptr_array_add(argv, NULL);
	return true;
}

static const struct config_source *order_source(
	const struct config *config, const struct order *order, struct error *err)
{
	static const enum config_source_kind kinds[] = {[EXECUTE_CHECK] = CONFIG_SOURCE_CHECK,
		[EXECUTE_CONFIG] = CONFIG_SOURCE_PLUGIN,
		[EXECUTE_FETCH] = CONFIG_SOURCE_PLUGIN,
		[EXECUTE_TRANSPORT] = CONFIG_SOURCE_NODE};
	const struct config_host *host = config_find_host(config, order->host);
	const struct config_source *source =
		host ? config_find_source(host, kinds[order->what], order->name) : NULL;
	if (!source || (order->what == EXECUTE_CHECK && source->check.kind != CONFIG_CHECK_NAGIOS)) {
		error_set(err, ERR_NOT_FOUND, "the configuration names nothing like that to be executed");
		return NULL;
	}
	return source;
}

static bool order_fill(const struct order *order, const struct config_source *source,
	struct order_command *out, struct error *err)
{
	g_autofree char *self = g_strdup_printf("%u", (unsigned)geteuid());
	const char *user = NULL;
	if (order->what == EXECUTE_TRANSPORT) {
		g_ptr_array_unref(out->argv);
		out->argv = transport_command(source->node.address ? source->node.address : "", err);
		if (!out->argv) {
			return false;
		}
	} else {
		const GPtrArray *command =
			order->what == EXECUTE_CHECK ? source->check.command : source->plugin.command;
		user = order->what == EXECUTE_CHECK ? NULL : source->plugin.user;
		if (!command || !command->len || !order_vector(order, source, command, out->argv, err)) {
			return command && command->len ? false : error_set(err, ERR_CONFIG, "no command");
		}
	}
	out->path = g_strdup(g_ptr_array_index(out->argv, 0));
	if (!user_find(user ? user : self, &out->user, err)) {
		return false;
	}
	out->change_user = user && !user_is_self(&out->user);
	return true;
}

bool order_prepare(const struct config *config, const struct order *order, const char *state_dir,
	const char *tag, struct order_command *out, struct error *err)
{
	const struct config_source *source = order_source(config, order, err);
	if (!source) {
		return false;
	}
	*out = (struct order_command){.argv = g_ptr_array_new_with_free_func(g_free),
		.environment = g_ptr_array_new_with_free_func(g_free)};
	if (!order_fill(order, source, out, err) || !program_check(out->path, err) ||
		!order_environment(order, source, state_dir, out, err)) {
		order_finish(out);
		return false;
	}
	order_set(out->environment, g_strdup(tag));
	g_ptr_array_add(out->environment, NULL);
	return true;
}

void order_finish(struct order_command *command)
{
	g_free(command->path);
	if (command->argv) {
		g_ptr_array_unref(command->argv);
	}
	g_ptr_array_unref(command->environment);
	*command = (struct order_command){.path = NULL};
}
