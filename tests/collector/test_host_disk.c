#include "collector/host/df.h"
#include "collector/host/diskstats.h"
#include "model/ident.h"
#include "tests/collector/cut.h"

#include "base/banned.h"

static const char disks[] =
	"   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n"
	" 254       0 vda 100 5 2048 300 50 6 1024 400 0 500 700 8092 54 322152 542 1989 68\n"
	" 254       1 vda1 1 2 3 4 5 6 7 8 9 10\n" /* ten numbers are too few */
	" 104       0 cciss/c0d0 1 2 3 4 5 6 7 8 9 10 11\n"
	" 8 0 sdx 1 2 3 4 5 6 7 8 9 10 18446744073709551616\n"
	" 8 0 aVeryLongDeviceNameThatNobodyEverGave 1 2 3 4 5 6 7 8 9 10 11\n";

static void devices_are_read_one_by_one(void **state)
{
	(void)state;
	struct scan text = scan_text(disks, strlen(disks));
	struct disk_reading r;
	assert_true(diskstats_next(&text, &r));
	assert_string_equal(r.name, "loop0");
	assert_true(diskstats_next(&text, &r));
	assert_string_equal(r.name, "vda");
	assert_true(r.reads == 100 && r.read_sectors == 2048 && r.read_ms == 300);
	assert_true(r.writes == 50 && r.write_sectors == 1024 && r.write_ms == 400 && r.busy_ms == 500);
	assert_true(diskstats_next(&text, &r));
	assert_string_equal(r.name, "cciss/c0d0");
	assert_false(diskstats_next(&text, &r));
}

static void parse_disks(const char *text, size_t length, double *v)
{
	struct scan all = scan_text(text, length);
	struct disk_reading r;
	for (size_t i = 0; i < 9; i++) {
		v[i] = NAN;
	}
	for (size_t i = 0; i < 3 && diskstats_next(&all, &r); i++) {
		v[i * 3] = (double)r.reads;
		v[i * 3 + 1] = (double)r.write_ms;
		v[i * 3 + 2] = (double)r.busy_ms;
	}
}

static void a_list_of_devices_may_end_anywhere(void **state)
{
	(void)state;
	cut_everywhere(parse_disks, disks, 9);
}

static void assert_rate(double got, double expected)
{
	assert_true(isnan(expected) ? isnan(got) : fabs(got - expected) <= 1e-12 * fabs(expected));
}

static void rates_are_means_over_the_round(void **state)
{
	(void)state;
	static const struct {
		struct disk_reading before, now;
		double seconds;
		struct disk_rates rates;
	} cases[] = {
		/* 20 reads of 8 kB in 40 ms, 10 writes of 16 kB in 50 ms, busy 60 ms of 10 s */
		{{.reads = 100,
			 .read_sectors = 1000,
			 .read_ms = 10,
			 .writes = 50,
			 .write_sectors = 2000,
			 .write_ms = 20,
			 .busy_ms = 5},
			{.reads = 120,
				.read_sectors = 1320,
				.read_ms = 50,
				.writes = 60,
				.write_sectors = 2320,
				.write_ms = 70,
				.busy_ms = 65},
			10, {{0.002, 0.003, 0.002, 0.005}, 0.6, {16384, 16384}, {2, 1, 8.192, 16.384}}},
		/* nothing happened: all zero, not unknown */
		{{.reads = 7}, {.reads = 7}, 10, {{0, 0, 0, 0}, 0, {0, 0}, {0, 0, 0, 0}}},
		/* a clock of 32 bits went round */
		{{.reads = 1, .read_ms = 4294967290}, {.reads = 2, .read_ms = 4}, 1,
			{{0, 0.010, 0.010, 0}, 0, {0, 0}, {1, 0, 0, 0}}},
		/* begun anew */
		{{.reads = 1000}, {.reads = 5}, 10,
			{{NAN, NAN, NAN, NAN}, NAN, {NAN, NAN}, {NAN, NAN, NAN, NAN}}},
		/* no round before */
		{{.reads = 1}, {.reads = 5}, 0,
			{{NAN, NAN, NAN, NAN}, NAN, {NAN, NAN}, {NAN, NAN, NAN, NAN}}},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct disk_rates got;
		diskstats_rates(&cases[i].before, &cases[i].now, cases[i].seconds, &got);
		for (size_t k = 0; k < 4; k++) {
			assert_rate(got.latency[k], cases[i].rates.latency[k]);
			assert_rate(got.iops[k], cases[i].rates.iops[k]);
		}
		assert_rate(got.utilization, cases[i].rates.utilization);
		assert_rate(got.throughput[0], cases[i].rates.throughput[0]);
		assert_rate(got.throughput[1], cases[i].rates.throughput[1]);
	}
}

static const char mounts[] =
	"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
	"25 24 0:23 / /dev/shm rw shared:3 master:1 - tmpfs tmpfs rw\n"
	"junk\n"
	"26 27 0:99 / /srv rw\n"
	"28 27 0:30 /sub /srv/a\\040b\\134c rw,nosuid - fuse.sshfs me@host:/x rw\n"
	"29 27 99999999999:0 / /x rw - ext4 /dev/x rw\n";

static void mounts_are_read_one_by_one(void **state)
{
	(void)state;
	static const struct {
		uint64_t device;
		const char *root, *point, *type, *source;
	} expected[] = {
		{254ULL << 32, "/", "/", "ext4", "/dev/vda"},
		{23, "/", "/dev/shm", "tmpfs", "tmpfs"},
		{30, "/sub", "/srv/a b\\c", "fuse.sshfs", "me@host:/x"},
	};
	struct scan text = scan_text(mounts, strlen(mounts));
	struct df_mount m;
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		char point[64];
		assert_true(df_next(&text, &m));
		assert_true(m.device == expected[i].device);
		assert_true(scan_equal(&m.root, expected[i].root));
		assert_true(scan_equal(&m.type, expected[i].type));
		assert_true(scan_equal(&m.source, expected[i].source));
		assert_true(df_unescape(&m.point, point, sizeof(point)));
		assert_string_equal(point, expected[i].point);
	}
	assert_false(df_next(&text, &m));
}

static void parse_mounts(const char *text, size_t length, double *v)
{
	struct scan all = scan_text(text, length);
	struct df_mount m;
	v[0] = v[1] = v[2] = NAN;
	for (size_t i = 0; i < 3 && df_next(&all, &m); i++) {
		v[i] = (double)m.device + (double)scan_length(&m.source);
	}
}

static void a_list_of_mounts_may_end_anywhere(void **state)
{
	(void)state;
	cut_everywhere(parse_mounts, mounts, 3);
}

static void escapes_are_undone_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *plain; /* NULL: refused */
	} cases[] = {{"/a\\040b", "/a b"}, {"/a\\011b\\012c\\134d", "/a\tb\nc\\d"},
		{"/a\\04", "/a\\04"}, {"/a\\", "/a\\"}, {"/a\\999", "/a\\999"}, {"/a\\000b", NULL},
		{"", NULL}, {"/0123456789012345678901234567890", NULL}, {"/\\400", "/\\400"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char out[32];
		struct scan raw = scan_text(cases[i].raw, strlen(cases[i].raw));
		assert_int_equal(df_unescape(&raw, out, sizeof(out)), cases[i].plain != NULL);
		if (cases[i].plain) {
			assert_string_equal(out, cases[i].plain);
		}
	}
}

static void what_could_hang_is_not_asked(void **state)
{
	(void)state;
	static const struct {
		const char *type, *source;
		bool remote;
	} cases[] = {{"ext4", "/dev/vda", false}, {"nfs4", "server:/x", true}, {"nfs", "x", true},
		{"cifs", "//server/x", true}, {"fuse.sshfs", "me@host:/", true},
		{"fuse.s3fs", "s3fs", true}, {"fuseblk", "/dev/sdb1", false}, {"autofs", "systemd-1", true},
		{"9p", "share", true}, {"tmpfs", "tmpfs", false}, {"ceph", "a,b:/", true},
		{"xfs", "/dev/mapper/vg-lv", false}, {"zfs", "tank/data", false}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		if (df_is_remote(cases[i].type, cases[i].source) != cases[i].remote) {
			fail_msg("%s %s", cases[i].type, cases[i].source);
		}
	}
}

static void fields_are_named_as_munin_does(void **state)
{
	(void)state;
	static const struct {
		const char *source, *point, *name;
	} cases[] = {{"/dev/vda", "/", "_dev_vda"}, {"tmpfs", "/dev/shm", "_dev_shm"},
		{"udev", "/dev", "_dev"}, {"none", "/run", "_run"}, {"devtmpfs", "/dev", "devtmpfs"},
		{"/dev/mapper/vg-root", "/", "_dev_mapper_vg_root"}, {"root", "/", "__root"},
		{"12tank", "/t", "_tank"}, {"tank/a-b", "/t", "tank_a_b"}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char name[IDENT_FIELD_MAX + 1];
		assert_true(df_field_name(cases[i].source, cases[i].point, name));
		assert_string_equal(name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_read_one_by_one),
		cmocka_unit_test(a_list_of_devices_may_end_anywhere),
		cmocka_unit_test(rates_are_means_over_the_round),
		cmocka_unit_test(mounts_are_read_one_by_one),
		cmocka_unit_test(a_list_of_mounts_may_end_anywhere),
		cmocka_unit_test(escapes_are_undone_or_refused),
		cmocka_unit_test(what_could_hang_is_not_asked),
		cmocka_unit_test(fields_are_named_as_munin_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
