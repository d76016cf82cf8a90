#include "base/bundle.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <glib.h>

static struct bundle *example(void)
{
	struct bundle *bundle = bundle_create();
	bundle_add(bundle, "magpie.conf", "listen \"127.0.0.1:8080\"\n", 24);
	bundle_add(bundle, "rules.d/b.magpie", "", 0);
	bundle_add(bundle, "rules.d/a.magpie", "x\0y", 3);
	return bundle;
}

static void assert_example(const struct bundle *bundle)
{
	assert_non_null(bundle);
	assert_int_equal(bundle_count(bundle), 3);
	assert_string_equal(bundle_at(bundle, 0)->name, "magpie.conf");
	assert_string_equal(bundle_at(bundle, 1)->name, "rules.d/b.magpie"); /* order is kept */
	const struct bundle_file *file = bundle_find(bundle, "rules.d/a.magpie");
	assert_non_null(file);
	assert_int_equal(file->length, 3);
	assert_memory_equal(file->text, "x\0y", 4);
	assert_null(bundle_find(bundle, "rules.d/c.magpie"));
}

static void packed_files_come_back(void **state)
{
	(void)state;
	AUTO(bundle) bundle = example();
	assert_example(bundle);
	size_t length;
	g_autofree char *packed = bundle_pack(bundle, &length);
	AUTO(bundle) back = bundle_unpack(packed, length, NULL);
	assert_example(back);
}

static void a_file_that_is_set_takes_the_place_of_its_namesake(void **state)
{
	(void)state;
	AUTO(bundle) bundle = example();
	bundle_set(bundle, "rules.d/b.magpie", "new", 3);
	bundle_set(bundle, "listen", "a", 1);
	assert_int_equal(bundle_count(bundle), 4);
	assert_string_equal(bundle_at(bundle, 1)->text, "new");
	assert_int_equal(bundle_at(bundle, 1)->length, 3);
	assert_string_equal(bundle_find(bundle, "listen")->text, "a");
}

static void an_empty_bundle_is_one(void **state)
{
	(void)state;
	AUTO(bundle) bundle = bundle_create();
	size_t length;
	g_autofree char *packed = bundle_pack(bundle, &length);
	AUTO(bundle) back = bundle_unpack(packed, length, NULL);
	assert_non_null(back);
	assert_int_equal(bundle_count(back), 0);
	AUTO_FD fd = bundle_to_fd(bundle, NULL);
	AUTO(bundle) read = bundle_from_fd(fd, NULL);
	assert_non_null(read);
}

static void cut_bundles_are_refused(void **state)
{
	(void)state;
	AUTO(bundle) bundle = example();
	size_t length;
	g_autofree char *packed = bundle_pack(bundle, &length);
	size_t good = 0;
	for (size_t n = 0; n < length; n++) {
		char *exact = malloc(n ? n : 1); /* so that a sanitizer sees one byte too far */
		memcpy(exact, packed, n);
		struct error err = {.kind = ERR_NONE};
		AUTO(bundle) cut = bundle_unpack(exact, n, &err);
		if (cut) {
			good++; /* a cut between two files leaves a bundle of fewer */
			assert_true(bundle_count(cut) < 3);
		} else {
			assert_int_equal(err.kind, ERR_CONFIG);
		}
		free(exact);
	}
	assert_int_equal(good, 3);
}

static void lengths_beyond_the_bytes_are_refused(void **state)
{
	(void)state;
	static const uint32_t lengths[][2] = {{0xffffffff, 1}, {1, 0xffffffff},
		{0xffffffff, 0xffffffff}, {4097, 0}, {0x80000000, 0x80000000}, {5, 60}};
	AUTO(bundle) bundle = example();
	size_t length;
	g_autofree char *packed = bundle_pack(bundle, &length);
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		memcpy(packed + strlen("magpie-bundle/1\n"), lengths[i], sizeof(lengths[i]));
		assert_null(bundle_unpack(packed, length, NULL));
	}
}

static void a_memory_file_carries_it_and_cannot_change(void **state)
{
	(void)state;
	AUTO(bundle) bundle = example();
	struct error err;
	AUTO_FD fd = bundle_to_fd(bundle, &err);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "X", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(ftruncate(fd, 100000), -1);
	for (int i = 0; i < 2; i++) { /* reading does not use it up */
		AUTO(bundle) back = bundle_from_fd(fd, &err);
		assert_example(back);
	}
}

static void other_descriptors_are_refused(void **state)
{
	(void)state;
	struct error err = {.kind = ERR_NONE};
	assert_null(bundle_from_fd(-1, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	AUTO_FD zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_null(bundle_from_fd(zero, &err));
	AUTO_FD empty = memfd_create("empty", MFD_CLOEXEC);
	assert_null(bundle_from_fd(empty, &err));
	AUTO_FD huge = memfd_create("huge", MFD_CLOEXEC);
	assert_int_equal(ftruncate(huge, (off_t)BUNDLE_MAX + 1), 0);
	assert_null(bundle_from_fd(huge, &err));
	AUTO_FD other = memfd_create("other", MFD_CLOEXEC);
	assert_int_equal(ftruncate(other, 4096), 0);
	assert_null(bundle_from_fd(other, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_files_come_back),
		cmocka_unit_test(a_file_that_is_set_takes_the_place_of_its_namesake),
		cmocka_unit_test(an_empty_bundle_is_one),
		cmocka_unit_test(cut_bundles_are_refused),
		cmocka_unit_test(lengths_beyond_the_bytes_are_refused),
		cmocka_unit_test(a_memory_file_carries_it_and_cannot_change),
		cmocka_unit_test(other_descriptors_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
