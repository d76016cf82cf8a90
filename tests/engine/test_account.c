#include "engine/account.h"

#include "tests/support/test.h"

#include <fcntl.h>
#include <glib.h>

#include "base/file.h"

static char *read_token(const char *directory)
{
	g_autofree char *path = g_build_filename(directory, "admin.token", NULL);
	size_t length;
	char *token = file_read(AT_FDCWD, path, 4096, &length, NULL);
	assert_non_null(token);
	return g_strchomp(token);
}

static void the_first_start_makes_a_token(void **state)
{
	char *directory = test_directory();
	AUTO(store_batch) batch = store_batch_create();
	struct account *account = account_create(directory);
	assert_null(account_role(account, ""));
	assert_true(account_prepare(account, batch, NULL));
	AUTO_FREE char *token = read_token(directory);
	g_autofree char *path = g_build_filename(directory, "admin.token", NULL);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(strlen(token), strlen("mgp_admin_") + 64);
	assert_string_equal(account_role(account, token), "admin");
	assert_null(account_role(account, ""));
	assert_null(account_role(account, "mgp_admin_0"));
	token[20] = token[20] == 'a' ? 'b' : 'a';
	assert_null(account_role(account, token));
	const char *hash = g_hash_table_lookup(batch->values, "admin_token_sha256");
	assert_int_equal(strlen(hash), 64);
	assert_null(strstr(token, hash)); /* the store gets the hash only */
	account_destroy(account);
	test_directory_remove(directory);
}

static void a_token_survives_restarts_and_a_lost_database(void **state)
{
	char *directory = test_directory();
	AUTO(store_batch) batch = store_batch_create();
	struct account *account = account_create(directory);
	assert_true(account_prepare(account, batch, NULL));
	AUTO_FREE char *token = read_token(directory);
	account_destroy(account);
	account = account_create(directory); /* nothing restored */
	assert_true(account_prepare(account, batch, NULL));
	assert_string_equal(account_role(account, token), "admin");
	account_destroy(account);
	test_directory_remove(directory);
}

static void a_removed_file_means_a_new_token(void **state)
{
	char *directory = test_directory();
	AUTO(store_batch) batch = store_batch_create();
	struct account *account = account_create(directory);
	assert_true(account_prepare(account, batch, NULL));
	AUTO_FREE char *before = read_token(directory);
	g_autofree char *path = g_build_filename(directory, "admin.token", NULL);
	assert_int_equal(unlink(path), 0);
	assert_true(account_prepare(account, batch, NULL));
	AUTO_FREE char *after = read_token(directory);
	assert_string_not_equal(before, after);
	assert_null(account_role(account, before));
	assert_string_equal(account_role(account, after), "admin");
	account_destroy(account);
	test_directory_remove(directory);
}

static void without_a_directory_the_stored_hash_stays_good(void **state)
{
	AUTO(store_batch) batch = store_batch_create();
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "secret", -1);
	struct account *account = account_create("/nonexistent/place");
	account_restore(account, hash);
	struct error err;
	assert_false(account_prepare(account, batch, &err));
	assert_string_equal(account_role(account, "secret"), "admin");
	account_destroy(account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_start_makes_a_token),
		cmocka_unit_test(a_token_survives_restarts_and_a_lost_database),
		cmocka_unit_test(a_removed_file_means_a_new_token),
		cmocka_unit_test(without_a_directory_the_stored_hash_stays_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
