#include "base/block.h"
#include "tests/support/test.h"

/* Trees are compared in a canonical text: name(values…){statements}. */
static void write_block(const struct block *block, GString *out)
{
	for (size_t i = 0; i < block->statements->len; i++) {
		const struct block_statement *s = g_ptr_array_index(block->statements, i);
		g_string_append_printf(out, "%s(", s->name);
		for (size_t v = 0; v < s->values->len; v++) {
			const struct block_value *value = block_value(s, v);
			g_string_append_printf(
				out, value->quoted ? "%s'%s'" : "%s%s", v ? " " : "", value->text);
		}
		g_string_append(out, ")");
		if (s->body) {
			g_string_append(out, "{");
			write_block(s->body, out);
			g_string_append(out, "}");
		}
	}
}

static size_t parse(const char *text, GString *tree)
{
	struct diag_source source = {"x.conf", text, strlen(text)};
	AUTO(diag_list) diags = diag_list_create();
	AUTO(block) block = block_parse(&source, diags);
	g_string_truncate(tree, 0);
	write_block(block, tree);
	return diag_errors(diags);
}

static void statements_values_and_blocks_become_a_tree(void **state UNUSED)
{
	static const struct {
		const char *text, *tree;
		size_t errors;
	} cases[] = {
		{"", "", 0},
		{"a", "a()", 0},
		{"a 1 b.c \"d e\" # x\n", "a(1 b.c 'd e')", 0},
		{"a b, c,d\n", "a(b c d)", 0},
		{"a \"x\" \"y\"\n", "a('x' 'y')", 0},
		{"a \"\\\"\\\\\\n\"", "a('\"\\\n')", 0},
		{"a 1; b 2 ; ; c", "a(1)b(2)c()", 0},
		{"a { b 1; c }\nd", "a(){b(1)c()}d()", 0},
		{"a x {\n b { c 1 }\n}\n", "a(x){b(){c(1)}}", 0},
		{"a {}", "a(){}", 0},
		{"a 127.0.0.1:80 10s", "a(127.0.0.1:80 10s)", 0},
		/* one slip costs one complaint, and what follows is read */
		{"= 1\nb 2", "b(2)", 1},
		{"a = 1 { x }\nb 2", "b(2)", 1},
		{"a b,\nc", "a(b)c()", 1},
		{"a { b", "a(){b()}", 1},
		{"} a", "a()", 1},
		{"a { b } c", "a(){b()}", 1},
		{"a { = } b { c }", "a(){}", 2},
		{"\"a\" 1\nb", "b()", 1},
	};
	GString *tree = g_string_new(NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t errors = parse(cases[i].text, tree);
		if (errors != cases[i].errors || strcmp(tree->str, cases[i].tree) != 0) {
			fail_msg("case %zu: %zu errors, %s", i, errors, tree->str);
		}
	}
	g_string_free(tree, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_values_and_blocks_become_a_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
