/*
 * Any bytes as tokens: the lexer ends, tokens lie in the text in order, columns never go back, and
 * every number and text can be read.
 */
#include "base/lexer.h"
#include "base/quantity.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(diag_list) diags = diag_list_create();
	struct diag_source source = {"fuzz", (const char *)data, size};
	struct lexer lexer;
	const char *last = source.text;
	unsigned line = 1;
	lexer_init(&lexer, &source, diags);
	for (; lexer.token.kind != TOKEN_END; lexer_advance(&lexer)) {
		const struct token *t = &lexer.token;
		assert(t->at >= last && t->at < source.text + size && t->length > 0);
		assert(t->place.line >= line && t->place.column >= 1);
		assert(t->kind == TOKEN_EOL || t->place.end_column > t->place.column);
		last = t->at + 1;
		line = t->place.line;
		struct quantity q;
		int64_t ms;
		(void)!quantity_read(t, &source, diags, &q);
		if (quantity_read_duration(t, &source, diags, &ms)) {
			assert(ms >= 1);
		}
		if (t->kind == TOKEN_STRING) {
			GString *text = g_string_new(NULL);
			lexer_string(t, text);
			assert(text->len <= t->length);
			g_string_free(text, TRUE);
		}
	}
	GString *out = g_string_new(NULL);
	diag_print(diags, DIAG_HUMAN, out);
	diag_print(diags, DIAG_JSON, out);
	assert(g_utf8_validate(out->str, (gssize)out->len, NULL));
	g_string_free(out, TRUE);
	return 0;
}
