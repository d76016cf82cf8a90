/*
 * Probes one service as the collector would, as often as asked, and prints what came of it: for
 * trying a probe by hand against a real service.
 *
 *   probe_service KIND ADDRESS [user=NAME] [password_file=PATH] [path=TEXT] [vhost=TEXT]
 *       [status=TEXT] [tls=1] [ca=PATH] [write=0] [metrics=0] [found=1] [rounds=N] [deadline_ms=N]
 */
#include "tests/support/probing.h"

static const char *option(int count, char **words, const char *name)
{
	size_t length = strlen(name);
	for (int i = 0; i < count; i++) {
		if (!strncmp(words[i], name, length) && words[i][length] == '=') {
			return words[i] + length + 1;
		}
	}
	return NULL;
}

static bool flag(int count, char **words, const char *name, bool otherwise)
{
	const char *text = option(count, words, name);
	return text ? *text == '1' : otherwise;
}

static long long number(int count, char **words, const char *name, long long otherwise)
{
	const char *text = option(count, words, name);
	return text ? g_ascii_strtoll(text, NULL, 10) : otherwise;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print(const struct probing *p)
{
	guint count = 0;
	gpointer *names = g_hash_table_get_keys_as_array(p->values, &count);
	qsort(names, count, sizeof(*names), compare);
	for (guint i = 0; i < count; i++) {
		printf("%s %.10g\n", (char *)names[i], probing_value(p, names[i]));
	}
	g_free(names);
	printf("reason %s\nversion %s\nerror %s\n%s--\n", p->reason, p->version, p->error.text,
		p->complaints);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: probe_service KIND ADDRESS [NAME=VALUE]...\n");
		return 2;
	}
	int count = argc - 3;
	char **words = argv + 3;
	struct config_service service = {.kind = argv[1],
		.address = argv[2],
		.user = (char *)option(count, words, "user"),
		.password_file = (char *)option(count, words, "password_file"),
		.path = (char *)option(count, words, "path"),
		.vhost = (char *)option(count, words, "vhost"),
		.status = (char *)option(count, words, "status"),
		.tls = flag(count, words, "tls", false),
		.verify = option(count, words, "ca") != NULL,
		.write = flag(count, words, "write", true),
		.metrics = flag(count, words, "metrics", true),
		.found = flag(count, words, "found", false)};
	service.identity.ca = (char *)option(count, words, "ca");
	struct probing p;
	probing_begin(&p, &service);
	long long rounds = number(count, words, "rounds", 1);
	for (long long i = 0; i < rounds; i++) {
		probing_round(&p, number(count, words, "deadline_ms", 3000));
		print(&p);
	}
	probing_finish(&p);
	return 0;
}
