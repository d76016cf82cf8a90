#include "tests/collector/probe_rig.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/attr.h"

/*
 * Databases, caches and queues where real ones are hard to bring to it: states of a moment, servers
 * that try to get at the password. The scenarios services_db and services_cache have the real ones.
 */
struct step {
	const char *bytes;
	size_t length;
};
#define STEP(bytes)                                                                                \
	{                                                                                              \
		bytes, sizeof(bytes) - 1                                                                   \
	}
enum { STEPS_MAX = 8 };

/* The service answers whatever comes with the next step. */
struct script {
	const struct step *steps;
	size_t next;
	GString *heard; /* all that came */
};

static bool answer_script(struct rig *rig, GString *in, GString *out)
{
	struct script *script = rig->own;
	const struct step *step = &script->steps[script->next];
	g_string_append_len(script->heard, in->str, (gssize)in->len);
	g_string_truncate(in, 0);
	if (step->bytes) {
		script->next++;
		g_string_append_len(out, step->bytes, (gssize)step->length);
	}
	return true;
}

struct exchange {
	const char *kind;
	struct step greeting;
	struct step steps[STEPS_MAX];
	double up, stage;
	const char *reason, *complaint_about, *asked;
	bool login, write; /* with user and password */
};

#define SECRET "geheim8"

static char *write_secret(const char *directory)
{
	char *path = g_strconcat(directory, "/secret", NULL);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, SECRET "\n", sizeof(SECRET)), sizeof(SECRET));
	close(fd);
	return path;
}

static void try_exchange(const struct exchange *e, const char *secret)
{
	struct rig rig;
	struct script script = {.steps = e->steps, .heard = g_string_new(NULL)};
	rig_begin(&rig, e->kind, answer_script);
	rig.own = &script;
	rig.greeting = e->greeting.bytes;
	rig.greeting_length = e->greeting.length;
	rig.source.service.metrics = false;
	rig.source.service.write = e->write;
	if (e->login) {
		rig.source.service.user = g_strdup("magpie");
		rig.source.service.password_file = g_strdup(secret);
	}
	rig_round(&rig);
	if (rig.late || strcmp(rig.extinfo, e->reason) != 0) {
		fail_msg(
			"%s: \"%s\", not \"%s\" (%s)", e->kind, rig.extinfo, e->reason, rig.result.error.text);
	}
	char name[64];
	g_snprintf(name, sizeof(name), "probe_%s:up", e->kind);
	assert_near(rig_value(&rig, name), e->up, 0);
	g_snprintf(name, sizeof(name), "probe_%s:stage", e->kind);
	assert_near(rig_value(&rig, name), e->stage, 0);
	if (e->complaint_about) {
		assert_string_not_equal(rig_complaint(&rig, e->complaint_about), "");
	}
	if (strcmp(e->kind, "redis") != 0) { /* whose protocol has no other way */
		assert_null(memmem(script.heard->str, script.heard->len, SECRET, strlen(SECRET)));
	}
	if (e->asked) {
		assert_non_null(memmem(script.heard->str, script.heard->len, e->asked, strlen(e->asked)));
	}
	g_string_free(script.heard, TRUE);
	rig_finish(&rig);
}

static void try_exchanges(const struct exchange *exchanges, size_t count)
{
	char *directory = test_directory();
	char *secret = write_secret(directory);
	for (size_t i = 0; i < count; i++) {
		try_exchange(&exchanges[i], secret);
	}
	g_free(secret);
	test_directory_remove(directory);
}

#define PONG    STEP("+PONG\r\n")
#define NO_INFO STEP("$6\r\na:1\r\n\n\r\n")

static void redis_says_what_state_it_is_in(void **state)
{
	(void)state;
	static const struct exchange exchanges[] = {
		{"redis", .steps = {STEP("-LOADING Redis is loading the dataset in memory\r\n")},
			.stage = 4, .reason = "query: is still loading its data (LOADING)"},
		{"redis", .steps = {STEP("-MASTERDOWN Link with MASTER is down\r\n")}, .stage = 4,
			.reason = "query: is a replica that lost its master and does not serve old data "
					  "(MASTERDOWN)"},
		{"redis", .steps = {STEP("-NOAUTH Authentication required.\r\n")}, .up = 1, .stage = 5,
			.reason = "alive, but it wants a password and none is configured"},
		{"redis", .steps = {STEP("-DENIED Redis is running in protected mode\r\n")}, .stage = 2,
			.reason = "greet: refuses, as it is in protected mode (DENIED)"},
		{"redis", .steps = {STEP("HTTP/1.1 400 Bad Request\r\n")}, .stage = 2,
			.reason = "greet: the answer is none of Redis"},
		{"redis",
			.steps = {STEP("-ERR Client sent AUTH, but no password is set\r\n"), PONG, NO_INFO},
			.login = true, .up = 1, .stage = 5, .reason = "", .complaint_about = "login"},
		{"redis", /* with AUTH renamed; what the server quotes may be cut within the password */
			.steps = {STEP("-ERR unknown command `AUTH`, with args beginning with: `magpie` "
						   "`geheim\r\n")},
			.login = true, .stage = 3, .reason = "authenticate: does not know the command AUTH"},
		{"redis", .steps = {STEP("-ERR what is \"" SECRET "\" to me\r\n")}, .login = true,
			.stage = 3, .reason = "authenticate: answers \"ERR what is \"***\" to me\""},
		{"redis", .steps = {PONG, NO_INFO, STEP("-MOVED 3999 127.0.0.1:6381\r\n")}, .write = true,
			.up = 1, .stage = 5, .reason = "", .complaint_about = "canary"},
		{"redis", .steps = {PONG, NO_INFO, STEP("+OK\r\n"), STEP("$1\r\nx\r\n"), STEP(":1\r\n")},
			.write = true, .stage = 5,
			.reason = "write: what was written a moment ago could not be read back"},
	};
	try_exchanges(exchanges, ARRAY_LENGTH(exchanges));
}

#define MYSQL_HELLO(length, method)                                                                \
	length "\0\0\0\x0a"                                                                            \
		   "8.0.36\0\x07\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"        \
		   "ijklmnopqrst\0" method "\0"
#define MYSQL_SHA2 STEP(MYSQL_HELLO("\x4a", "caching_sha2_password"))
#define MYSQL_OK   "\x07\0\0\x02\0\0\0\x02\0\0\0"

#define KNOWN "\x02\0\0\x02\x01\x03"

static void mysql_never_gets_the_password_in_clear(void **state)
{
	(void)state;
	static const struct exchange exchanges[] = {
		{"mysql", .greeting = STEP("\x12\0\0\0\xff\x69\x04Host is blocked"), .login = true,
			.stage = 2,
			.reason = "greet: blocks our host after too many broken connections (FLUSH HOSTS ends "
					  "that) (error 1129)"},
		{"mysql", .greeting = MYSQL_SHA2, .steps = {STEP("\x02\0\0\x02\x01\x04")}, .login = true,
			.stage = 3,
			.reason = "authenticate: this login sends the password itself: use `tls yes` or a Unix "
					  "socket"},
		{"mysql", .greeting = MYSQL_SHA2, .steps = {STEP("\x16\0\0\x02\xfemysql_clear_password\0")},
			.login = true, .stage = 3,
			.reason = "authenticate: this login sends the password itself: use `tls yes` or a Unix "
					  "socket"},
		{"mysql", .greeting = MYSQL_SHA2,
			.steps = {STEP(KNOWN KNOWN KNOWN KNOWN KNOWN KNOWN KNOWN KNOWN KNOWN)}, .login = true,
			.stage = 3, .reason = "authenticate: asks for a login without end"},
		{"mysql", .greeting = MYSQL_SHA2,
			.steps = {STEP("\x10\0\0\x02\xfe"
						   "client_ed25519\0")},
			.login = true, .stage = 3,
			.reason = "authenticate: wants the login method client_ed25519, which is not spoken "
					  "here"},
		{"mysql", .greeting = MYSQL_SHA2,
			.steps = {STEP("\x02\0\0\x02\x01\x03\x07\0\0\x03\0\0\0\x02\0\0\0"), STEP(MYSQL_OK),
				STEP("\x0c\0\0\x01\xfb/etc/passwd")},
			.login = true, .stage = 4, .reason = "query: the answer is none of MySQL"},
		{"mysql", .greeting = MYSQL_SHA2,
			.steps = {STEP("\x02\0\0\x02\x01\x03\x07\0\0\x03\0\0\0\x02\0\0\0"), STEP(MYSQL_OK),
				STEP(MYSQL_OK)},
			.login = true, .up = 1, .stage = 5, .reason = ""},
	};
	try_exchanges(exchanges, ARRAY_LENGTH(exchanges));
}

#define ASKS_MD5 "R\0\0\0\x0c\0\0\0\x05salt"

#define END_OF(number) "\x05\0\0" number "\xfe\0\0\0\0"
#define READ_ONLY                                                                                  \
	"\x01\0\0\x01\x02\x06\0\0\x02\0\0\0\0\x01n\x06\0\0\x03\0\0\0\0\x01v" END_OF(                   \
		"\x04") "\x0d\0\0\x05\x09read_only\x02ON" END_OF("\x06")

#define MARIA                                                                                      \
	STEP("\x58\0\0\0\x0a"                                                                          \
		 "5.5.5-11.4.2-"                                                                           \
		 "MariaDB\0\x07\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"         \
		 "ijklmnopqrst\0mysql_native_password\0")
#define FOLLOWS                                                                                    \
	"\x01\0\0\x01\x01\x15\0\0\x02\0\0\0\0\x10Slave_IO_Running" END_OF(                             \
		"\x03") "\x04\0\0\x04\x03Yes" END_OF("\x05")

static void mysql_is_not_written_to_where_it_follows_a_source_by_name(void **state)
{
	(void)state;
	static const struct exchange exchanges[] = {
		{"mysql", .greeting = MARIA,
			.steps = {STEP(MYSQL_OK), STEP(MYSQL_OK), STEP(MYSQL_OK), STEP(MYSQL_OK),
				STEP(FOLLOWS)},
			.login = true, .write = true, .up = 1, .stage = 5, .reason = "",
			.asked = "SHOW ALL SLAVES STATUS"},
	};
	try_exchanges(exchanges, ARRAY_LENGTH(exchanges));
}

/* It may well be a replica, to which nothing is written (see C3). */
static void mysql_is_not_written_to_where_it_hides_whether_it_follows(void **state)
{
	(void)state;
	static const struct exchange exchanges[] = {
		{"mysql", .greeting = MYSQL_SHA2,
			.steps = {STEP(KNOWN "\x07\0\0\x03\0\0\0\x02\0\0\0"), STEP(MYSQL_OK), STEP(MYSQL_OK),
				STEP(READ_ONLY), STEP("\x0f\0\0\x01\xff\xcb\x04#42000denied")},
			.login = true, .write = true, .up = 1, .stage = 5, .reason = "",
			.complaint_about = "replication"},
	};
	try_exchanges(exchanges, ARRAY_LENGTH(exchanges));
}

static void postgresql_never_gets_the_password_in_clear(void **state)
{
	(void)state;
	static const struct exchange exchanges[] = {
		{"postgresql", .steps = {STEP("R\0\0\0\x08\0\0\0\x03")}, .login = true, .stage = 3,
			.reason = "authenticate: wants the password itself: use `tls yes` or a Unix socket"},
		{"postgresql",
			.steps = {STEP("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"), STEP("R\0\0\0\x08\0\0\0\0")},
			.login = true, .stage = 3,
			.reason = "authenticate: lets us in without showing that it knows the password"},
		{"postgresql",
			.steps = {STEP("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"),
				STEP("R\0\0\0\x0c\0\0\0\x0cv=AA")},
			.login = true, .stage = 3,
			.reason = "authenticate: does not know the password itself: is it the right server?"},
		{"postgresql", /* the signature of nothing: 32 zeros */
			.steps = {STEP("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"),
				STEP("R\0\0\0\x36\0\0\0\x0cv=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")},
			.login = true, .stage = 3,
			.reason = "authenticate: does not know the password itself: is it the right server?"},
		{"postgresql", .steps = {STEP(ASKS_MD5 ASKS_MD5 ASKS_MD5 ASKS_MD5 ASKS_MD5)}, .login = true,
			.stage = 3, .reason = "authenticate: the answer is none of PostgreSQL"},
		{"postgresql", .steps = {STEP("E\0\0\0\x1dSFATAL\0C57P03\0Mstarting\0\0")}, .login = true,
			.stage = 2, .reason = "greet: is starting or stopping (57P03)"},
		{"postgresql", .steps = {STEP("S")}, .up = 1, .stage = 5,
			.reason = "alive, but nobody is logged in: configure a `user`"},
		{"postgresql", .steps = {STEP("SSH-2.0-OpenSSH\r\n")}, .login = true, .stage = 2,
			.reason = "greet: the answer is none of PostgreSQL"},
	};
	try_exchanges(exchanges, ARRAY_LENGTH(exchanges));
}

static void others_are_told_apart(void **state)
{
	(void)state;
	static const struct exchange exchanges[] = {
		{"memcached", .steps = {STEP("CLIENT_ERROR unauthenticated\r\n")}, .up = 1, .stage = 5,
			.reason = "alive, but it wants a login, which is not spoken here"},
		{"memcached", .steps = {STEP("ERROR\r\n"), STEP("STAT pid 1\r\nEND\r\n")}, .up = 1,
			.stage = 5, .reason = ""}, /* older than `mn` */
		{"memcached", .steps = {STEP("ERROR Too many open connections\r\n")}, .stage = 2,
			.reason = "greet: takes no more connections"},
		{"rabbitmq", .steps = {STEP("AMQP\0\0\x09\x01")}, .stage = 2,
			.reason = "greet: the answer is none of AMQP 0-9-1"},
		{"rabbitmq", /* a confirmation of what was never published */
			.steps = {STEP("\x01\0\x01\0\0\0\x0d\0\x3c\0\x50\0\0\0\0\0\0\0\x01\0\xce")}, .stage = 2,
			.reason = "greet: the answer is none of AMQP 0-9-1"},
	};
	try_exchanges(exchanges, ARRAY_LENGTH(exchanges));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis_says_what_state_it_is_in),
		cmocka_unit_test(mysql_never_gets_the_password_in_clear),
		cmocka_unit_test(mysql_is_not_written_to_where_it_follows_a_source_by_name),
		cmocka_unit_test(mysql_is_not_written_to_where_it_hides_whether_it_follows),
		cmocka_unit_test(postgresql_never_gets_the_password_in_clear),
		cmocka_unit_test(others_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
