/*
 * The peer of bench_rrd: librrd as it is, with files of Munin's `normal` layout, made and updated
 * with one value a call and with sixty a call. One figure per line: NAME VALUE UNIT.
 *
 *     bench_librrd [DIRECTORY] [FILES]      DIRECTORY: where the files lie (default /dev/shm)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>
#include <rrd.h>

#include "base/attr.h"
#include "base/banned.h"

enum { BEGIN = 1700000000, STEP_S = 300, SINGLE_ROUNDS = 30, BATCH = 60, BATCHES = 4 };

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int status)
{
	if (status) {
		fprintf(stderr, "bench_librrd: %s\n", rrd_get_error());
		exit(1);
	}
}

static void create(const char *path)
{
	static const char *const words[] = {"DS:42:GAUGE:600:U:U", "RRA:AVERAGE:0.5:1:576",
		"RRA:MIN:0.5:1:576", "RRA:MAX:0.5:1:576", "RRA:AVERAGE:0.5:6:432", "RRA:MIN:0.5:6:432",
		"RRA:MAX:0.5:6:432", "RRA:AVERAGE:0.5:24:540", "RRA:MIN:0.5:24:540", "RRA:MAX:0.5:24:540",
		"RRA:AVERAGE:0.5:288:450", "RRA:MIN:0.5:288:450", "RRA:MAX:0.5:288:450"};
	const char *argv[ARRAY_LENGTH(words)];
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		argv[i] = words[i];
	}
	check(rrd_create_r(path, STEP_S, BEGIN, (int)ARRAY_LENGTH(words), argv));
}

/* `count` values a call, one call a file, in turn; returns values per CPU second. */
static double update(char **paths, unsigned files, unsigned rounds, unsigned count)
{
	static int64_t at = BEGIN; /* librrd takes no value twice */
	char text[BATCH][48];
	const char *argv[BATCH];
	double before = cpu_s();
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < count; i++) {
			at += STEP_S;
			snprintf(text[i], sizeof(text[i]), "%lld:%u.5", (long long)at, (round + i) % 1000);
			argv[i] = text[i];
		}
		for (unsigned i = 0; i < files; i++) {
			check(rrd_update_r(paths[i], NULL, (int)count, argv));
		}
	}
	return (double)files * rounds * count / (cpu_s() - before);
}

int main(int argc, char **argv)
{
	long long files = argc > 2 ? g_ascii_strtoll(argv[2], NULL, 10) : 1000;
	g_autofree char *directory =
		g_strdup_printf("%s/magpie-librrd-XXXXXX", argc > 1 ? argv[1] : "/dev/shm");
	if (files < 1 || files > 100000 || !mkdtemp(directory)) {
		fprintf(stderr, "usage: bench_librrd [DIRECTORY] [FILES]\n");
		return 2;
	}
	char **paths = g_new0(char *, (size_t)files + 1);
	double before = cpu_s();
	for (long long i = 0; i < files; i++) {
		paths[i] = g_strdup_printf("%s/%lld.rrd", directory, i);
		create(paths[i]);
	}
	printf("librrd_create %.0f files/CPU-second\n", (double)files / (cpu_s() - before));
	printf("librrd_single %.0f samples/CPU-second\n",
		update(paths, (unsigned)files, SINGLE_ROUNDS, 1));
	printf(
		"librrd_batch %.0f samples/CPU-second\n", update(paths, (unsigned)files, BATCHES, BATCH));
	for (long long i = 0; i < files; i++) {
		unlink(paths[i]);
	}
	rmdir(directory);
	g_strfreev(paths);
	return 0;
}
