#include "base/auto.h"
#include "model/declare.h"
#include "model/message.h"
#include "tests/support/test.h"

#include <sys/socket.h>

/* A pair of channels in one loop: the collector's end declares, the engine's end reads. */
struct fixture {
	struct loop *loop;
	struct loop_timer *limit;
	struct channel *sender, *receiver;
	struct declare_reader reader;
	struct service *got;
	unsigned frames;
	struct error err;
	struct frame_writer w;
};

static void on_frame(void *owner, const struct frame *frame, int fd)
{
	struct fixture *f = owner;
	assert_int_equal(fd, -1);
	f->frames++;
	struct service *complete;
	if (!declare_read(&f->reader, frame, &complete, &f->err) || complete) {
		service_destroy(f->got);
		f->got = complete;
		loop_stop(f->loop);
	}
}

static void on_closed(void *owner, const struct error *why)
{
	struct fixture *f = owner;
	f->err = *why;
	loop_stop(f->loop);
}

static void too_late(void *owner)
{
	struct fixture *f = owner;
	loop_stop(f->loop);
}

static int enter(void **state)
{
	static const struct channel_handlers handlers = {.frame = on_frame, .closed = on_closed};
	struct fixture *f = calloc(1, sizeof(*f));
	int pair[2];
	*state = f;
	f->loop = loop_create();
	f->limit = loop_timer_create(f->loop, too_late, f);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		return -1;
	}
	f->sender = channel_create(
		f->loop, &message_table, ROLE_COLLECTOR, ROLE_ENGINE, 8 << 20, &handlers, f, pair[0]);
	f->receiver = channel_create(
		f->loop, &message_table, ROLE_ENGINE, ROLE_COLLECTOR, 8 << 20, &handlers, f, pair[1]);
	return 0;
}

static int leave(void **state)
{
	struct fixture *f = *state;
	channel_destroy(f->sender);
	channel_destroy(f->receiver);
	loop_timer_destroy(f->limit);
	loop_destroy(f->loop);
	declare_reader_finish(&f->reader);
	service_destroy(f->got);
	free(f);
	return 0;
}

/* Runs until a declaration is complete, an error, or 5 s. */
static void run(struct fixture *f)
{
	loop_timer_after(f->limit, 5000);
	loop_run(f->loop);
	loop_timer_stop(f->limit);
}

static struct service *example(size_t fields, size_t label_length)
{
	struct service *s =
		service_create("europe/berlin", "web1.example.com", "diskstats_iops.vda", 300);
	char *label = malloc(label_length + 1);
	memset(label, 'l', label_length);
	label[label_length] = '\0';
	assert_true(
		attributes_set(&s->attributes, ATTRIBUTES_GRAPH, "graph_title", "Disk \xe2\x82\xac"));
	for (size_t i = 0; i < fields; i++) {
		char name[32];
		snprintf(name, sizeof(name), "f%zu", i);
		struct field *field = service_add_field(s, name, label, (enum field_type)(i % FIELD_TYPES));
		field->min = i % 2 ? 0 : NAN;
		field->max = i % 3 ? 1e9 : NAN;
		field->series_id = (uint32_t)i + 1;
		field->gone = i % 5 == 4;
		assert_true(attributes_set(&field->attributes, ATTRIBUTES_FIELD, "draw", "AREASTACK"));
	}
	free(label);
	return s;
}

static void a_declaration_arrives_the_same(void **state)
{
	struct fixture *f = *state;
	static const struct {
		size_t fields, label, frames;
	} cases[] = {{0, 0, 1}, {1, 5, 2}, {50, 10, 2}, {1000, 10, 2}, {1000, 1000, 18}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		AUTO(service) s = example(cases[i].fields, cases[i].label);
		f->frames = 0;
		assert_true(declare_send(f->sender, &f->w, s, 77, NULL));
		run(f);
		assert_non_null(f->got);
		assert_true(service_same(s, f->got));
		assert_int_equal(f->got->id, 77);
		assert_int_equal(f->frames, cases[i].frames);
		for (size_t n = 0; n < cases[i].fields; n++) {
			assert_int_equal(service_field(f->got, n)->series_id, n + 1);
		}
	}
}

/* Sends a SERVICE frame as the bytes below say and gives what declare_read() thinks of it. */
struct service_frame {
	uint32_t id, step_s;
	uint16_t fields;
	const char *group, *host, *name;
	const char *attributes;
	uint32_t attributes_length;
	bool good;
};

static bool read_packet(struct fixture *f, struct service **complete)
{
	frame_finish(&f->w);
	struct frame frame;
	memcpy(&frame.type, f->w.packet, 2);
	frame.version = 1;
	frame.length = (uint32_t)(f->w.length - FRAME_HEADER);
	unsigned char *exact = malloc(frame.length ? frame.length : 1);
	memcpy(exact, f->w.packet + FRAME_HEADER, frame.length);
	frame.payload = exact;
	bool good = declare_read(&f->reader, &frame, complete, &f->err);
	free(exact);
	return good;
}

static void service_frames_are_checked(void **state)
{
	struct fixture *f = *state;
	static const struct service_frame cases[] = {
		{1, 10, 0, "g", "h", "s", "", 0, true},
		{1, 10, 0, "g", "h", "s", "graph_title\0x", 14, true},
		{1, 10, 0, "g", "h", "s", "graph_title\0x", 13, false},
		{1, 10, 0, "g", "h", "s", "evil\0x", 7, false},
		{1, 10, 0, "g", "h", "s", "", 1000000, false},
		{1, 0, 0, "g", "h", "s", "", 0, false},
		{1, 86400 * 366 + 1, 0, "g", "h", "s", "", 0, false},
		{1, 10, 1001, "g", "h", "s", "", 0, false},
		{1, 10, 1000, "g", "h", "s", "", 0, true},
		{1, 10, 0, "../g", "h", "s", "", 0, false},
		{1, 10, 0, "g", "h/x", "s", "", 0, false},
		{1, 10, 0, "g", "h", "../s", "", 0, false},
		{1, 10, 0, "", "h", "s", "", 0, false},
		{0xffffffff, 10, 0, "g", "h", "s", "", 0, false},
		{DECLARE_ID_MAX, 10, 0, "g", "h", "s", "", 0, true},
		{DECLARE_ID_MAX + 1, 10, 0, "g", "h", "s", "", 0, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const struct service_frame *c = &cases[i];
		message_start(&f->w, MESSAGE_SERVICE);
		frame_put_u32(&f->w, c->id);
		frame_put_u32(&f->w, c->step_s);
		frame_put_u16(&f->w, c->fields);
		frame_put_text(&f->w, c->group);
		frame_put_text(&f->w, c->host);
		frame_put_text(&f->w, c->name);
		frame_put_u32(&f->w, c->attributes_length);
		frame_put_bytes(&f->w, c->attributes, c->attributes_length > 14 ? 0 : c->attributes_length);
		struct service *complete = NULL;
		bool good = read_packet(f, &complete);
		if (good != c->good) {
			fail_msg("case %zu", i);
		}
		assert_int_equal(complete != NULL, good && !c->fields);
		service_destroy(complete);
		if (!good) {
			assert_int_equal(f->err.kind, ERR_PROTOCOL);
			assert_null(f->reader.service);
		}
	}
}

struct field_frame {
	uint32_t service_id;
	uint16_t first, n;
	uint32_t series_id;
	uint8_t type;
	double min, max;
	const char *name, *label;
	bool good;
};

static void put_service(struct fixture *f, uint16_t fields)
{
	message_start(&f->w, MESSAGE_SERVICE);
	frame_put_u32(&f->w, 5);
	frame_put_u32(&f->w, 10);
	frame_put_u16(&f->w, fields);
	frame_put_text(&f->w, "g");
	frame_put_text(&f->w, "h");
	frame_put_text(&f->w, "s");
	frame_put_u32(&f->w, 0);
	struct service *complete;
	assert_true(read_packet(f, &complete));
	assert_null(complete);
}

static void put_fields(struct fixture *f, const struct field_frame *c)
{
	message_start(&f->w, MESSAGE_FIELDS);
	frame_put_u32(&f->w, c->service_id);
	frame_put_u16(&f->w, c->first);
	frame_put_u16(&f->w, c->n);
	frame_put_u32(&f->w, c->series_id);
	frame_put_u8(&f->w, c->type);
	frame_put_u8(&f->w, 0);
	frame_put_f64(&f->w, c->min);
	frame_put_f64(&f->w, c->max);
	frame_put_text(&f->w, c->name);
	frame_put_text(&f->w, c->label);
	frame_put_u32(&f->w, 0);
}

static void field_frames_are_checked(void **state)
{
	struct fixture *f = *state;
	const struct field_frame cases[] = {
		{5, 0, 1, 1, FIELD_GAUGE, 0, 1, "f", "label", true},
		{5, 0, 1, 0, FIELD_ABSOLUTE, NAN, NAN, "f", "", true},
		{6, 0, 1, 1, FIELD_GAUGE, 0, 1, "f", "label", false},     /* another service */
		{5, 1, 1, 1, FIELD_GAUGE, 0, 1, "f", "label", false},     /* out of order */
		{5, 0, 2, 1, FIELD_GAUGE, 0, 1, "f", "label", false},     /* more than there are */
		{5, 0, 0, 1, FIELD_GAUGE, 0, 1, "f", "label", false},     /* bytes left over */
		{5, 0, 65535, 1, FIELD_GAUGE, 0, 1, "f", "label", false}, /* more than declared */
		{5, 0, 1, 1, FIELD_TYPES, 0, 1, "f", "label", false},
		{5, 0, 1, 1, 255, 0, 1, "f", "label", false},
		{5, 0, 1, 1, FIELD_GAUGE, -INFINITY, 1, "f", "label", false}, /* hostile 17 */
		{5, 0, 1, 1, FIELD_GAUGE, 0, INFINITY, "f", "label", false},
		{5, 0, 1, 1, FIELD_GAUGE, 0, 1, "1f", "label", false},
		{5, 0, 1, 1, FIELD_GAUGE, 0, 1, "", "label", false},
		{5, 0, 1, 1, FIELD_GAUGE, 0, 1, "../f", "label", false},
		{5, 0, 1, 1, FIELD_GAUGE, 0, 1, "f", "\xff", false},
		{5, 0, 1, 0xffffffff, FIELD_GAUGE, 0, 1, "f", "label", false},
		{5, 0, 1, DECLARE_SERIES_MAX, FIELD_GAUGE, 0, 1, "f", "label", true},
		{5, 0, 1, DECLARE_SERIES_MAX + 1, FIELD_GAUGE, 0, 1, "f", "label", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct service *complete = NULL;
		put_service(f, 1);
		put_fields(f, &cases[i]);
		bool good = read_packet(f, &complete);
		if (good != cases[i].good) {
			fail_msg("case %zu", i);
		}
		assert_int_equal(complete != NULL, good);
		assert_null(f->reader.service);
		service_destroy(complete);
	}
}

static void a_field_is_declared_once(void **state)
{
	struct fixture *f = *state;
	struct field_frame field = {5, 0, 1, 1, FIELD_GAUGE, 0, 1, "f", "label", true};
	struct service *complete;
	put_service(f, 2);
	put_fields(f, &field);
	assert_true(read_packet(f, &complete));
	assert_null(complete);
	field.first = 1;
	put_fields(f, &field);
	assert_false(read_packet(f, &complete));
	assert_null(complete);
}

static void fields_without_a_service_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct field_frame field = {5, 0, 1, 1, FIELD_GAUGE, 0, 1, "f", "label", true};
	struct service *complete;
	put_fields(f, &field);
	assert_false(read_packet(f, &complete));
	assert_null(complete);
}

static void a_new_service_drops_the_one_begun(void **state)
{
	struct fixture *f = *state;
	const struct field_frame field = {5, 0, 1, 1, FIELD_GAUGE, 0, 1, "f", "label", true};
	struct service *complete;
	put_service(f, 2);
	put_fields(f, &field);
	assert_true(read_packet(f, &complete));
	put_service(f, 1); /* the sender's queue was full in between: it says all again */
	put_fields(f, &field);
	assert_true(read_packet(f, &complete));
	assert_non_null(complete);
	assert_int_equal(service_field_count(complete), 1);
	service_destroy(complete);
}

int main(void)
{
#define WITH_PAIR(t) cmocka_unit_test_setup_teardown(t, enter, leave)
	const struct CMUnitTest tests[] = {
		WITH_PAIR(a_declaration_arrives_the_same),
		WITH_PAIR(service_frames_are_checked),
		WITH_PAIR(field_frames_are_checked),
		WITH_PAIR(a_field_is_declared_once),
		WITH_PAIR(fields_without_a_service_are_refused),
		WITH_PAIR(a_new_service_drops_the_one_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
