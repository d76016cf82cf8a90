#include "base/auto.h"
#include "base/file.h"
#include "base/log.h"
#include "magpie/command.h"
#include "magpie/listen.h"
#include "magpie/options.h"
#include "magpie/supervisor.h"
#include "model/config_files.h"
#include "model/shard.h"
#include "model/version.h"
#include "rules/configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/banned.h"

/*
 * `magpie serve`: reads and checks the configuration, takes the data directory (one server each),
 * binds the listening socket, says where to look, and becomes the supervisor. A configuration with
 * errors does not keep a monitor from starting that ran before: then the last accepted one
 * (DATA/accepted.bundle) is in force and the pages say why.
 */

struct serve {
	const char *config_path, *data_dir, *listen;
	char bound[LISTEN_TEXT]; /* the address really listened on; "": not yet */
	struct bundle *bundle, *refused;
	struct configuration configuration;
};

static const char *default_config_path(void)
{
	return access("/etc/magpie/magpie.conf", R_OK) ? NULL : "/etc/magpie/magpie.conf";
}

/* The roles make links of the address that is in force, wherever it was named. */
static void serve_note_bound(const struct serve *serve, struct bundle *bundle)
{
	if (bundle && *serve->bound) {
		bundle_set(bundle, CONFIG_BOUND_FILE, serve->bound, strlen(serve->bound));
	}
}

static struct bundle *serve_read(void *owner, struct error *err)
{
	struct serve *serve = owner;
	struct bundle *bundle = config_files_read(serve->config_path, err);
	serve_note_bound(serve, bundle);
	return bundle;
}

static struct bundle *serve_last_accepted(const struct serve *serve, struct error *err)
{
	char path[4096];
	size_t length;
	snprintf(path, sizeof(path), "%s/accepted.bundle", serve->data_dir);
	AUTO_FREE char *packed = file_read(AT_FDCWD, path, BUNDLE_MAX, &length, err);
	struct bundle *bundle = packed ? bundle_unpack(packed, length, err) : NULL;
	if (bundle) {
		bundle_set(bundle, CONFIG_BOUND_FILE, "", 0); /* that of an earlier start */
	}
	return bundle;
}

static bool serve_check(struct serve *serve, bool tell)
{
	AUTO(diag_list) diags = diag_list_create();
	bool good = serve->bundle && configuration_load(serve->bundle, &serve->configuration, diags);
	if (tell) {
		GString *text = g_string_new(NULL);
		diag_print(diags, DIAG_HUMAN, text);
		fputs(text->str, stderr);
		g_string_free(text, TRUE);
	}
	return good;
}

/* The bundle in the files if it is free of errors, else the last accepted one. */
static bool serve_configure(struct serve *serve)
{
	struct error err = {.kind = ERR_NONE};
	serve->bundle = serve_read(serve, &err);
	if (!serve->bundle) {
		fprintf(stderr, "magpie serve: %s\n", err.text);
		return false;
	}
	if (serve_check(serve, true)) {
		return true;
	}
	serve->refused = STEAL(serve->bundle);
	serve->bundle = serve_last_accepted(serve, &err);
	if (!serve_check(serve, false)) {
		fprintf(stderr, "magpie serve: the configuration has errors, and there is no earlier one "
						"to go on with\n");
		return false;
	}
	fprintf(stderr,
		"magpie serve: the configuration has errors; going on with the one accepted last\n");
	return true;
}

/* One server per data directory: the lock lives as long as the process. */
static bool serve_take_data(const struct serve *serve)
{
	struct error err;
	char path[4096];
	if (!file_make_directory(serve->data_dir, &err)) {
		fprintf(stderr, "magpie serve: %s\n", err.text);
		return false;
	}
	snprintf(path, sizeof(path), "%s/lock", serve->data_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
		fprintf(stderr, "magpie serve: %s: %s\n", path,
			errno == EWOULDBLOCK ? "another magpie serve uses this data directory"
								 : strerror(errno));
		return false;
	}
	return true;
}

/* The socket for nodes that connect to us. False: it cannot be bound. */
static bool serve_listen_push(const struct config *config, int *fd, struct error *err)
{
	char bound[LISTEN_TEXT];
	*fd = -1;
	if (!config->push.listen) {
		return true;
	}
	*fd = listen_open(config->push.listen, true, bound, err);
	if (*fd < 0) {
		return error_prefix(err, "push");
	}
	printf("  nodes connect to %s\n", bound);
	return true;
}

/* Settled once: another number counts from the next start on. */
static unsigned serve_writers(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return config->archive.writers
			   ? config->archive.writers
			   : shard_suitable(config->hosts->len, cores > 0 ? (unsigned)cores : 1);
}

static int serve_run(struct serve *serve)
{
	struct error err;
	if (!serve_take_data(serve) || !serve_configure(serve)) {
		return COMMAND_FAILED;
	}
	const struct config *config = serve->configuration.config;
	const char *address = serve->listen ? serve->listen : config->listen;
	int fd = listen_open(address, config->insecure_http, serve->bound, &err);
	if (fd < 0) {
		fprintf(stderr, "magpie serve: %s\n", err.text);
		return COMMAND_FAILED;
	}
	if (!listen_remember(serve->data_dir, serve->bound, &err)) {
		log_warn("serve.listen_file", "error=\"%s\"", err.text);
	}
	printf("Magpie %s watches %s\n  look at    http://%s/\n  data in    %s\n  admin token in "
		   "%s/admin.token\n",
		MAGPIE_VERSION, config->host_name, serve->bound, serve->data_dir, serve->data_dir);
	serve_note_bound(serve, serve->bundle);
	serve_note_bound(serve, serve->refused);
	int push_fd;
	if (!serve_listen_push(config, &push_fd, &err)) {
		fprintf(stderr, "magpie serve: %s\n", err.text);
		return COMMAND_FAILED;
	}
	fflush(stdout);
	struct supervisor_plan plan = {.data_dir = serve->data_dir,
		.listen_fd = fd,
		.push_fd = push_fd,
		.writers = serve_writers(config),
		.bundle = STEAL(serve->bundle),
		.retry = STEAL(serve->refused),
		.read_again = serve_read,
		.owner = serve};
	return supervisor_run(&plan);
}

int cmd_serve(int argc, char **argv)
{
	const char *config = NULL;
	const char *data = NULL;
	const char *listen = NULL;
	bool verbose = false;
	const struct option_row rows[] = {
		{"config", "FILE", "magpie.conf (default: /etc/magpie/magpie.conf if there, else built in)",
			&config, NULL},
		{"data", "DIR", "where everything is kept (default: ./var)", &data, NULL},
		{"listen", "ADDR:PORT",
			"address of the pages (default: 127.0.0.1:8080); port 0 takes a free one", &listen,
			NULL},
		{"verbose", NULL, "log more", NULL, &verbose},
	};
	const struct options options = {.command = "serve",
		.operands = "",
		.about = "Collects, judges, pages and shows, in the foreground. Logs to stderr. SIGHUP "
				 "reads the\n"
				 "configuration again, all or nothing; SIGTERM ends cleanly.",
		.rows = rows,
		.row_count = ARRAY_LENGTH(rows)};
	int operands;
	enum options_result result = options_parse(&options, argc, argv, &operands);
	if (result != OPTIONS_GO) {
		return result;
	}
	if (verbose) {
		log_least(LOG_DEBUG_);
	}
	struct error err;
	const char *chosen = data ? data : "./var";
	if (!file_make_directory(chosen, &err)) {
		fprintf(stderr, "magpie serve: %s\n", err.text);
		return COMMAND_FAILED;
	}
	AUTO_FREE char *data_dir = realpath(chosen, NULL);
	struct serve serve = {.config_path = config ? config : default_config_path(),
		.data_dir = data_dir,
		.listen = listen};
	int code = serve_run(&serve);
	configuration_finish(&serve.configuration);
	bundle_destroy(serve.bundle);
	bundle_destroy(serve.refused);
	return code;
}
