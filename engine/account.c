/*
 * The token is 256 random bits, "mgp_admin_" and 64 hexadecimal digits; being random it needs no
 * slow hash. Comparison is over SHA-256 values of fixed length, without an early end.
 */
#include "engine/account.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include <glib.h>

#include "base/banned.h"

#define TOKEN_PREFIX "mgp_admin_"

enum { RANDOM_BYTES = 32, HASH_DIGITS = 64, FILE_MAX = 4096, TOKEN_MAX = 1024 };

struct account {
	char *path;
	char hash[HASH_DIGITS + 1]; /* "": none */
};

struct account *account_create(const char *data_dir)
{
	struct account *account = g_new0(struct account, 1);
	account->path = g_build_filename(data_dir, "admin.token", NULL);
	return account;
}

void account_destroy(struct account *account)
{
	if (account) {
		g_free(account->path);
		g_free(account);
	}
}

void account_restore(struct account *account, const char *hash)
{
	if (strlen(hash) == HASH_DIGITS) {
		memcpy(account->hash, hash, sizeof(account->hash));
	}
}

static void hash_token(const char *token, char hash[HASH_DIGITS + 1])
{
	g_autofree char *digits = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1);
	memcpy(hash, digits, HASH_DIGITS + 1);
}

static bool make_token(char token[sizeof(TOKEN_PREFIX) + HASH_DIGITS], struct error *err)
{
	unsigned char random[RANDOM_BYTES];
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		return error_errno(err, ERR_STORAGE, errno, "random numbers");
	}
	memcpy(token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1);
	char *at = token + sizeof(TOKEN_PREFIX) - 1;
	for (size_t i = 0; i < sizeof(random); i++) {
		*at++ = "0123456789abcdef"[random[i] >> 4];
		*at++ = "0123456789abcdef"[random[i] & 15];
	}
	*at = '\0';
	return true;
}

static bool write_token(struct account *account, struct error *err)
{
	char token[sizeof(TOKEN_PREFIX) + HASH_DIGITS];
	if (!make_token(token, err)) {
		return false;
	}
	g_autofree char *line = g_strconcat(token, "\n", NULL);
	if (!file_replace(AT_FDCWD, account->path, line, strlen(line), 0600, err)) {
		return false;
	}
	hash_token(token, account->hash);
	return true;
}

bool account_prepare(struct account *account, struct store_batch *batch, struct error *err)
{
	struct error why = {.kind = ERR_NONE};
	size_t length;
	AUTO_FREE char *content = file_read(AT_FDCWD, account->path, FILE_MAX, &length, &why);
	if (content && *g_strstrip(content)) {
		hash_token(content, account->hash);
	} else if (!content && why.kind != ERR_NOT_FOUND) {
		return error_set(err, why.kind, "%s", why.text);
	} else if (!write_token(account, err)) {
		return false;
	}
	store_put_value(batch, "admin_token_sha256", account->hash);
	return true;
}

const char *account_role(const struct account *account, const char *token)
{
	char hash[HASH_DIGITS + 1];
	if (!*account->hash || strlen(token) > TOKEN_MAX) {
		return NULL;
	}
	hash_token(token, hash);
	unsigned char differs = 0;
	for (size_t i = 0; i < HASH_DIGITS; i++) {
		differs |= (unsigned char)(hash[i] ^ account->hash[i]);
	}
	return differs ? NULL : "admin";
}
