#include "model/mark.h"
#include "base/role.h"
#include "model/message.h"

#include "tests/support/test.h"

#include <string.h>

/* What graphs are marked with: on the wire, in the store, by host and span. */
static struct mark a_mark(void)
{
	return (struct mark){.id = 7,
		.kind = MARK_EPISODE,
		.level = 3,
		.from = {1000},
		.host = (char *)"web1",
		.service = (char *)"df",
		.field = (char *)"_dev_vda",
		.about = (char *)"disk_full",
		.text = (char *)"97 % full",
		.instance = (char *)"disk_full web1 df _dev_vda"};
}

static struct mark *passed(const struct mark *mark)
{
	g_autofree struct frame_writer *w = g_new0(struct frame_writer, 1);
	mark_put(w, mark);
	return mark_restore(w->packet + FRAME_HEADER, w->length - FRAME_HEADER);
}

static void a_mark_comes_back_whole(void **state UNUSED)
{
	struct mark mark = a_mark();
	AUTO(mark) back = passed(&mark);
	assert_non_null(back);
	assert_int_equal(back->id, 7);
	assert_int_equal(back->level, 3);
	assert_int_equal(back->from.ms, 1000);
	assert_int_equal(back->to.ms, 0);
	assert_string_equal(back->host, "web1");
	assert_string_equal(back->service, "df");
	assert_string_equal(back->field, "_dev_vda");
	assert_string_equal(back->about, "disk_full");
	assert_string_equal(back->text, "97 % full");
	assert_string_equal(back->instance, "disk_full web1 df _dev_vda");
}

static void the_shortest_note_passes_between_roles(void **state UNUSED)
{
	char none[] = "";
	char text[] = "x";
	struct mark mark = {.id = 1, .kind = MARK_NOTE, .from = {1}, .host = none, .service = none};
	mark.field = mark.about = mark.instance = none;
	mark.text = text;
	g_autofree struct frame_writer *w = g_new0(struct frame_writer, 1);
	mark_put(w, &mark);
	frame_finish(w);
	struct frame frame;
	const char *why = "";
	if (!frame_decode(&message_table, ROLE_ENGINE, ROLE_WEB, w->packet, w->length, &frame, &why)) {
		fail_msg("%s", why);
	}
	struct error err;
	AUTO(mark) back = mark_read(&frame, &err);
	assert_non_null(back);
	assert_string_equal(back->text, "x");
}

static void texts_are_cleaned_and_cut(void **state UNUSED)
{
	struct mark mark = a_mark();
	char text[2000];
	memset(text, 'x', sizeof(text));
	text[3] = '\n';
	text[sizeof(text) - 1] = '\0';
	mark.text = text;
	AUTO(mark) back = passed(&mark);
	assert_non_null(back);
	assert_true(strlen(back->text) <= MARK_TEXT_MAX);
	assert_null(strchr(back->text, '\n'));
}

static void senseless_marks_are_refused(void **state UNUSED)
{
	for (int i = 0; i < 9; i++) {
		struct mark mark = a_mark();
		switch (i) {
		case 0: mark.id = 0; break;
		case 1: mark.kind = MARK_KINDS; break;
		case 2: mark.level = 5; break;
		case 3: mark.from.ms = 0; break;
		case 4: mark.to.ms = 999; break;
		case 5: mark.host = (char *)"../x"; break;
		case 6: mark.host = (char *)""; break; /* a service of nobody */
		case 7: mark.service = (char *)"a b"; break;
		default: mark.field = (char *)"1;2"; break;
		}
		AUTO(mark) back = passed(&mark);
		assert_null(back);
	}
	assert_null(mark_restore("", 0));
	assert_null(mark_restore("\1\2\3", 3));
}

static void a_span_holds_what_reaches_into_it(void **state UNUSED)
{
	static const struct {
		uint8_t kind;
		int64_t from, to;
		bool within;
	} rows[] = {{MARK_EPISODE, 100, 200, true}, {MARK_EPISODE, 10, 1000, true},
		{MARK_EPISODE, 10, 0, true}, {MARK_EPISODE, 600, 0, false}, {MARK_EPISODE, 10, 50, false},
		{MARK_NOTE, 10, 0, false}, {MARK_NOTE, 150, 0, true}, {MARK_NOTE, 500, 0, true},
		{MARK_NOTE, 501, 0, false}, {MARK_NOTE, 10, 150, true}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct mark mark = {.kind = rows[i].kind, .from = {rows[i].from}, .to = {rows[i].to}};
		assert_int_equal(
			mark_is_within(&mark, (struct wall){100}, (struct wall){500}), rows[i].within);
	}
}

static struct mark *made(uint64_t id, const char *host, int64_t from_ms)
{
	struct mark mark = a_mark();
	mark.id = id;
	mark.host = (char *)host;
	mark.from.ms = from_ms;
	struct mark *copy = passed(&mark);
	assert_non_null(copy);
	return copy;
}

static void marks_are_found_by_host_in_order(void **state UNUSED)
{
	struct mark_table *table = mark_table_create();
	mark_table_put(table, made(3, "a", 300));
	mark_table_put(table, made(1, "b", 100));
	mark_table_put(table, made(2, "a", 200));
	mark_table_put(table, made(2, "a", 400)); /* takes the place of the one before */
	assert_int_equal(mark_table_count(table), 3);
	const GPtrArray *of = mark_table_of(table, "a");
	assert_int_equal(of->len, 2);
	assert_int_equal(((const struct mark *)of->pdata[0])->id, 3);
	assert_int_equal(((const struct mark *)of->pdata[1])->id, 2);
	g_autoptr(GArray) ids = mark_table_ids(table);
	assert_int_equal(g_array_index(ids, uint64_t, 0), 1);
	assert_int_equal(g_array_index(ids, uint64_t, 2), 3);
	mark_table_remove(table, 1);
	mark_table_remove(table, 99);
	assert_null(mark_table_of(table, "b"));
	assert_null(mark_table_find(table, 1));
	mark_table_destroy(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mark_comes_back_whole),
		cmocka_unit_test(the_shortest_note_passes_between_roles),
		cmocka_unit_test(texts_are_cleaned_and_cut),
		cmocka_unit_test(senseless_marks_are_refused),
		cmocka_unit_test(a_span_holds_what_reaches_into_it),
		cmocka_unit_test(marks_are_found_by_host_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
