#include "collector/host/irqstats.h"
#include "collector/host/process.h"
#include "tests/collector/cut.h"

#include "base/banned.h"

#define BEFORE_FLAGS " 1 2 3 4 -1 "
#define BEFORE_NICE  " 1 2 3 4 5 6 7 8 20 "

static void a_process_is_read_behind_its_name(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		char letter;
		int nice;
		unsigned threads;
		bool kernel;
	} cases[] = {
		{"1 (init) S" BEFORE_FLAGS "4194560" BEFORE_NICE "0 1 0 33\n", true, 'S', 0, 1, false},
		{"2 (kworker/0:1) I" BEFORE_FLAGS "69238880" BEFORE_NICE "-20 1 0 33\n", true, 'I', -20, 1,
			true},
		{"3 (a) R 9 (x)) D" BEFORE_FLAGS "0" BEFORE_NICE "19 77 0\n", true, 'D', 19, 77, false},
		{"4 (new\nline) Z" BEFORE_FLAGS "0" BEFORE_NICE "0 1\n", true, 'Z', 0, 1, false},
		{"5 (x) S" BEFORE_FLAGS "0" BEFORE_NICE "21 1\n", false, 0, 0, 0, false},
		{"5 (x) S" BEFORE_FLAGS "0" BEFORE_NICE "0 4294967296\n", false, 0, 0, 0, false},
		{"5 (x) SS" BEFORE_FLAGS "0" BEFORE_NICE "0 1\n", false, 0, 0, 0, false},
		{"5 (x)\n", false, 0, 0, 0, false},
		{"5 x S" BEFORE_FLAGS "0" BEFORE_NICE "0 1\n", false, 0, 0, 0, false},
		{"5 (x) S 1 2 3\n", false, 0, 0, 0, false},
		{")", false, 0, 0, 0, false},
		{")\n", false, 0, 0, 0, false},
		{"", false, 0, 0, 0, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct process_reading r;
		assert_int_equal(process_parse(cases[i].text, strlen(cases[i].text), &r), cases[i].good);
		if (cases[i].good) {
			assert_int_equal(r.state, cases[i].letter);
			assert_int_equal(r.nice, cases[i].nice);
			assert_int_equal(r.threads, cases[i].threads);
			assert_int_equal(r.kernel, cases[i].kernel);
		}
	}
}

static void parse_process(const char *text, size_t length, double *v)
{
	struct process_reading r;
	bool good = process_parse(text, length, &r);
	v[0] = good ? r.state : NAN;
	v[1] = good ? r.nice : NAN;
	v[2] = good ? r.threads : NAN;
}

static void a_process_text_may_end_anywhere(void **state)
{
	(void)state;
	cut_everywhere(
		parse_process, "1 (init) S" BEFORE_FLAGS "4194560" BEFORE_NICE "-5 12 0 33 44\n", 3);
}

static void locked_memory_is_told_by_status(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool locked;
	} cases[] = {{"Name:\tx\nVmLck:\t      12 kB\n", true},
		{"Name:\tx\nVmLck:\t       0 kB\n", false}, {"Name:\tVmLck:\t5\n", false},
		{"VmLck:\n", false}, {"VmLck:\t 12", false}, {"", false}};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(process_locked(cases[i].text, strlen(cases[i].text)), cases[i].locked);
	}
}

static const char interrupts[] = "           CPU0       CPU1       \n"
								 "  0:         22         20   IO-APIC   2-edge      timer\n"
								 "  8:          1          2   IO-APIC   Edge      rtc0\n"
								 " 24:          5          6   PCI-MSI 524288 Edge      nvme0q0\n"
								 " 25:          5          6   GICv3  25 Level     uart\n"
								 " 26:          5          6   PCI-MSIX-0000:00:1f.2   0-edge      "
								 "a device with a name that is far too long to be a label\n"
								 " 27:          7          8  \n"
								 "NMI:          3          4   Non-maskable   interrupts\n"
								 "LOC: 18446744073709551616          4   Local timer interrupts\n"
								 "ERR:          9\n"
								 "MIS:\n";

static void interrupts_are_summed_and_named_as_munin_does(void **state)
{
	(void)state;
	static const struct {
		const char *name, *label;
		double count;
	} expected[] = {
		{"0", "2-edge      timer", 42},
		{"8", "rtc0", 3},
		{"24", "nvme0q0 [524288]", 11},
		{"25", "uart", 11},
		{"26", "26", 11},
		{"27", "27", 15},
		{"NMI", "Non-maskable interrupts", 7},
		{"LOC", "Local timer interrupts", NAN},
		{"ERR", "ERR", 9},
		{"MIS", "MIS", NAN},
	};
	struct scan text = scan_text(interrupts, strlen(interrupts));
	unsigned cpus = irqstats_cpus(&text);
	struct irq_reading r;
	assert_int_equal(cpus, 2);
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		char label[160];
		assert_true(irqstats_next(&text, cpus, &r));
		assert_true(scan_equal(&r.name, expected[i].name));
		irqstats_label(&r, label, sizeof(label));
		assert_string_equal(label, expected[i].label);
		assert_true(isnan(expected[i].count) ? isnan(r.count) : r.count == expected[i].count);
	}
	assert_false(irqstats_next(&text, cpus, &r));
}

static void parse_interrupts(const char *text, size_t length, double *v)
{
	struct scan all = scan_text(text, length);
	struct irq_reading r;
	unsigned cpus = irqstats_cpus(&all);
	for (size_t i = 0; i < 10; i++) {
		v[i] = NAN;
	}
	for (size_t i = 0; i < 10 && irqstats_next(&all, cpus, &r); i++) {
		char label[8]; /* small on purpose */
		v[i] = r.count;
		irqstats_label(&r, label, sizeof(label));
	}
}

static void a_list_of_interrupts_may_end_anywhere(void **state)
{
	(void)state;
	cut_everywhere(parse_interrupts, interrupts, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_read_behind_its_name),
		cmocka_unit_test(a_process_text_may_end_anywhere),
		cmocka_unit_test(locked_memory_is_told_by_status),
		cmocka_unit_test(interrupts_are_summed_and_named_as_munin_does),
		cmocka_unit_test(a_list_of_interrupts_may_end_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
