/*
 * The lexer of magpie.conf and rule files. It keeps two tokens, the current one and the one ahead,
 * and complains while it cuts; the parsers see tokens only. Forms are tried in the order of the
 * language's definition: string, date, span, selector, number, group, name, operator.
 *
 * I1: `at` never passes `end`, and every cut moves it: the lexer ends on any bytes.
 * I2: lines and columns count characters; whatever moves `at` over bytes that may not be ASCII goes
 *     through step().
 * I3: one complaint per place: a run of bad bytes is one complaint, and a token that was complained
 *     about says so in `bad`.
 */
#include "base/lexer.h"

#include <string.h>

#include "base/lexer_form.h"
#include "base/text.h"

#include "base/banned.h"

/* -- moving on -- */

static char peek(const struct lexer *lx, size_t n)
{
	return (size_t)(lx->end - lx->at) > n ? lx->at[n] : '\0';
}

static void step(struct lexer *lx)
{
	size_t n = text_utf8_length(lx->at, (size_t)(lx->end - lx->at));
	lx->at += n ? n : 1;
	lx->column++;
}

/* Over `n` bytes that are known to be ASCII. */
static void skip(struct lexer *lx, size_t n)
{
	lx->at += n;
	lx->column += (unsigned)n;
}

static struct diag_place here(const struct lexer *lx, unsigned width)
{
	return (struct diag_place){lx->line, lx->column, lx->column + width};
}

static struct diag *complain(
	struct lexer *lx, struct diag_place place, const char *code, const char *message)
{
	return diag_add(lx->diags, lx->source, place, DIAG_ERROR, code, "%s", message);
}

/* -- blanks, comments, bytes that may not be there -- */

/* Whether the character at `at` is no text: not UTF-8, or a control character but TAB. */
static bool is_bad_byte(const struct lexer *lx)
{
	unsigned char c = (unsigned char)*lx->at;
	if (c < 0x80) {
		return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
	}
	size_t n = text_utf8_length(lx->at, (size_t)(lx->end - lx->at));
	return !n || (n == 2 && c == 0xc2 && (unsigned char)lx->at[1] < 0xa0);
}

static bool at_line_end(const struct lexer *lx)
{
	return lx->at == lx->end || *lx->at == '\n' ||
		   (*lx->at == '\r' && lx->at + 1 < lx->end && lx->at[1] == '\n');
}

/* One complaint for a run of bad bytes. */
static void skip_bad(struct lexer *lx)
{
	struct diag_place place = here(lx, 1);
	unsigned char c = (unsigned char)*lx->at;
	bool control = c < 0x80 || text_utf8_length(lx->at, (size_t)(lx->end - lx->at));
	while (!at_line_end(lx) && is_bad_byte(lx)) {
		step(lx);
	}
	place.end_column = lx->column;
	complain(lx, place, "E001",
		control ? "control character in the text" : "not UTF-8: this file cannot be read as text");
}

static void skip_comment(struct lexer *lx)
{
	while (!at_line_end(lx)) {
		if (is_bad_byte(lx)) {
			skip_bad(lx);
		} else {
			step(lx);
		}
	}
}

/* To the next token; true if anything was passed over. */
static bool skip_blank(struct lexer *lx)
{
	const char *from = lx->at;
	while (lx->at < lx->end) {
		if (*lx->at == ' ' || *lx->at == '\t') {
			skip(lx, 1);
		} else if (*lx->at == '#') {
			skip_comment(lx);
		} else if (!at_line_end(lx) && is_bad_byte(lx)) {
			skip_bad(lx);
		} else {
			break;
		}
	}
	return lx->at != from;
}

/* -- strings -- */

static void cut_string(struct lexer *lx, struct token *t)
{
	t->kind = TOKEN_STRING;
	skip(lx, 1);
	while (!at_line_end(lx) && *lx->at != '"') {
		if (is_bad_byte(lx)) {
			skip_bad(lx);
			t->bad = true;
		} else if (*lx->at != '\\') {
			step(lx);
		} else {
			char c = peek(lx, 1);
			if (!c || c == '\n' || c == '\r') {
				skip(lx, 1); /* the text is not closed, and that is said below */
			} else if (!strchr("\"\\nrt", c)) {
				struct diag_place place = here(lx, 2);
				struct diag *d = complain(lx, place, "E003", "unknown escape in a text");
				place.end_column--;
				diag_suggest(d, place, "\\\\");
				t->bad = true;
				skip(lx, 1);
			} else {
				skip(lx, 2);
			}
		}
	}
	if (at_line_end(lx)) {
		struct diag_place place = {t->place.line, t->place.column, lx->column};
		complain(lx, place, "E002", "text without its closing quote");
		t->bad = true;
		return;
	}
	skip(lx, 1);
}

void lexer_string(const struct token *token, GString *out)
{
	const char *end = token->text + token->length;
	if (token->length > 1 && end[-1] == '"') {
		end--;
	}
	for (const char *p = token->text + 1; p < end; p++) {
		if (*p != '\\' || p + 1 >= end) {
			g_string_append_c(out, *p);
			continue;
		}
		switch (*++p) {
		case 'n': g_string_append_c(out, '\n'); break;
		case 'r': g_string_append_c(out, '\r'); break;
		case 't': g_string_append_c(out, '\t'); break;
		case '"':
		case '\\': g_string_append_c(out, *p); break;
		default: g_string_append_c(out, '\\'); g_string_append_c(out, *p);
		}
	}
}

/* -- dates and spans -- */

static bool cut_date(struct lexer *lx, struct token *t)
{
	size_t left = (size_t)(lx->end - lx->at);
	bool possible = true;
	size_t n = form_date_length(lx->at, left, &possible);
	t->kind = TOKEN_DATE;
	if (!n && form_shaped(lx->at, left, "00:00-00:00")) {
		n = 11;
		t->kind = TOKEN_SPAN;
		possible = form_time_possible(lx->at, false) && form_time_possible(lx->at + 6, true);
	}
	if (!n || (left > n && (form_is_name_char(lx->at[n]) || lx->at[n] == ':'))) {
		return false;
	}
	if (!possible) {
		complain(lx, here(lx, (unsigned)n), "E008",
			t->kind == TOKEN_DATE ? "there is no such date or time"
								  : "there is no such time of day");
		t->bad = true;
	}
	skip(lx, n);
	return true;
}

/* -- selectors -- */

/* E012 for the operator at the current place, with the blanks put in as the advice. */
static void complain_glued(struct lexer *lx, const struct token *t)
{
	const char *stop = lx->at + 1;
	while (stop < lx->end && (form_is_part_char(*stop) || *stop == '%' || *stop == ':')) {
		stop++;
	}
	struct diag *d =
		complain(lx, here(lx, 1), "E012", "blanks are needed around an operator beside a name");
	char *text = g_strdup_printf("%.*s %c %.*s", (int)(lx->at - t->text), t->text, *lx->at,
		(int)(stop - lx->at - 1), lx->at + 1);
	struct diag_place place = {
		t->place.line, t->place.column, t->place.column + (unsigned)(stop - t->text)};
	diag_suggest(d, place, text);
	g_free(text);
}

static bool cut_selector(struct lexer *lx, struct token *t)
{
	size_t left = (size_t)(lx->end - lx->at);
	size_t n = lexer_selector_length(lx->at, left);
	if (!n) {
		return false;
	}
	t->kind = TOKEN_SELECTOR;
	const char *from = lx->at;
	size_t cut = form_glued_operator(from, n, left);
	bool numeric =
		form_is_digit(from[n - 1]) && form_is_digit(from[0]); /* addresses, times: no field */
	const char *fault = form_selector_fault(from, n);
	if (fault) {
		struct diag_place place = here(lx, (unsigned)g_utf8_strlen(from, (gssize)n));
		complain(lx, place, "E009", fault);
		t->bad = true;
	} else if (cut < n && !numeric) {
		while (lx->at < from + cut) {
			step(lx);
		}
		complain_glued(lx, t);
		t->bad = true;
		return true;
	}
	while (lx->at < from + n) {
		step(lx);
	}
	return true;
}

/* -- numbers, groups, names, operators -- */

static bool cut_number(struct lexer *lx, struct token *t)
{
	if (!form_is_digit(*lx->at)) {
		return false;
	}
	t->kind = TOKEN_NUMBER;
	size_t n = 0;
	for (;;) {
		char c = peek(lx, n);
		char next = peek(lx, n + 1);
		if (g_ascii_isalnum(c) || c == '%' || c == '_' || (c == '.' && next != '.')) {
			n++;
		} else if (c == '/' && next && strchr("smhd", next) &&
				   !form_is_name_char(peek(lx, n + 2)) && peek(lx, n + 2) != ':') {
			n += 2;
		} else {
			break;
		}
	}
	skip(lx, n);
	return true;
}

static bool cut_group(struct lexer *lx, struct token *t)
{
	if (*lx->at != '@' || !g_ascii_isalnum(peek(lx, 1))) {
		return false;
	}
	t->kind = TOKEN_HOSTPAT;
	size_t n = 1;
	while (form_is_part_char(peek(lx, n)) || peek(lx, n) == '/') {
		n++;
	}
	skip(lx, n);
	return true;
}

static bool cut_name(struct lexer *lx, struct token *t)
{
	if (!form_is_name_start(*lx->at)) {
		return false;
	}
	t->kind = TOKEN_NAME;
	size_t n = 1;
	for (;;) {
		char c = peek(lx, n);
		if (form_is_name_char(c) || (c == '.' && form_is_name_char(peek(lx, n + 1)))) {
			n++;
		} else {
			break;
		}
	}
	bool star = peek(lx, n) == '*';
	char behind = peek(lx, n + 1);
	if (star && (form_is_name_char(behind) || behind == '(' || behind == '.')) {
		skip(lx, n);
		complain_glued(lx, t);
		t->bad = true;
		return true;
	}
	skip(lx, n + star);
	return true;
}

static const struct {
	char text[3];
	int op;
} long_operators[] = {{"==", OP_EQ}, {"!=", OP_NE}, {">=", OP_GE}, {"<=", OP_LE},
	{"!~", OP_NOT_MATCH}, {"..", OP_RANGE}};

static bool cut_operator(struct lexer *lx, struct token *t)
{
	t->kind = TOKEN_OP;
	for (size_t i = 0; i < ARRAY_LENGTH(long_operators); i++) {
		if (*lx->at == long_operators[i].text[0] && peek(lx, 1) == long_operators[i].text[1]) {
			t->op = long_operators[i].op;
			skip(lx, 2);
			return true;
		}
	}
	if (strchr("><~=+-*/()[]{},!", *lx->at) && *lx->at) {
		t->op = (unsigned char)*lx->at;
		skip(lx, 1);
		return true;
	}
	return false;
}

/* Characters people bring along from elsewhere, and what they are called here. */
static const struct {
	const char *text, *instead;
} strangers[] = {{"&&", "and"}, {"||", "or"}, {"“", "\""}, {"”", "\""}, {"„", "\""}, {"«", "\""},
	{"»", "\""}, {"'", "\""}, {"`", "\""}, {"‘", "\""}, {"’", "\""}, {"≥", ">="}, {"≤", "<="},
	{"≠", "!="}, {"×", "*"}, {"÷", "/"}, {"−", "-"}, {"–", "-"}, {"…", ".."}, {"\xc2\xa0", " "}};

/* What is no token: E004. `&&` and `||` are taken for the words they mean, all else is skipped. */
static void cut_stranger(struct lexer *lx, struct token *t)
{
	size_t left = (size_t)(lx->end - lx->at);
	const char *instead = NULL;
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(strangers) && !n; i++) {
		size_t length = strlen(strangers[i].text);
		if (left >= length && !memcmp(lx->at, strangers[i].text, length)) {
			instead = strangers[i].instead;
			n = length;
		}
	}
	n = n ? n : MAX((size_t)1, text_utf8_length(lx->at, left));
	while (lx->at < t->text + n) {
		step(lx);
	}
	struct diag_place place = {lx->line, t->place.column, lx->column};
	struct diag *d = diag_add(lx->diags, lx->source, place, DIAG_ERROR, "E004",
		"\"%.*s\" is no part of this language", (int)n, t->text);
	if (instead) {
		diag_suggest(d, place, instead);
	}
	t->bad = true;
	t->kind = TOKEN_OP;
	t->op = 0;
	if (instead && g_ascii_isalpha(*instead)) {
		t->kind = TOKEN_NAME;
		t->text = instead;
		t->length = strlen(instead);
	}
}

/* -- the stream -- */

static void new_line(struct lexer *lx)
{
	lx->line++;
	lx->column = 1;
	lx->line_start = lx->at;
	lx->line_too_long = false;
}

/* The place of a line that is too long is its first character beyond the bound. */
static void check_line(struct lexer *lx)
{
	if (!lx->line_too_long && lx->at - lx->line_start > LEXER_LINE_MAX) {
		lx->line_too_long = true;
		complain(lx, here(lx, 1), "E010", "this line is longer than 16 KiB");
	}
}

static void cut(struct lexer *lx, struct token *t)
{
	bool blank = skip_blank(lx);
	check_line(lx);
	memset(t, 0, sizeof(*t));
	t->glued = !blank;
	t->text = t->at = lx->at;
	t->place = here(lx, 1);
	if (lx->at == lx->end) {
		t->kind = TOKEN_END;
		t->place.end_column = lx->column;
		return;
	}
	if (at_line_end(lx) || *lx->at == ';') {
		t->kind = TOKEN_EOL;
		bool line = *lx->at != ';';
		t->length = *lx->at == '\r' ? 2 : 1;
		skip(lx, t->length);
		if (line) {
			new_line(lx);
		}
		return;
	}
	if (cut_date(lx, t) || cut_selector(lx, t)) {
		/* done */
	} else if (*lx->at == '"') {
		cut_string(lx, t);
	} else if (!cut_number(lx, t) && !cut_group(lx, t) && !cut_name(lx, t) &&
			   !cut_operator(lx, t)) {
		cut_stranger(lx, t);
	}
	if (!t->length) {
		t->length = (size_t)(lx->at - t->text);
	}
	t->place.end_column = lx->column;
}

void lexer_init(struct lexer *lexer, const struct diag_source *source, struct diag_list *diags)
{
	*lexer = (struct lexer){.source = source, .diags = diags, .line = 1, .column = 1};
	lexer->at = source->text;
	lexer->end = source->text + source->length;
	diag_list_file(diags, source->name);
	if (source->length > LEXER_FILE_MAX) {
		complain(lexer, (struct diag_place){1, 1, 1}, "E010", "this file is larger than 8 MiB");
		lexer->end = lexer->at;
	} else if (source->length >= 3 && !memcmp(source->text, "\xef\xbb\xbf", 3)) {
		lexer->at += 3; /* a byte order mark, as some editors write it */
	}
	lexer->line_start = lexer->at;
	lexer->ends_line = lexer->ends_column = 1;
	cut(lexer, &lexer->token);
	cut(lexer, &lexer->ahead);
}

void lexer_init_part(struct lexer *lexer, const struct diag_source *source, struct diag_list *diags,
	const char *from, size_t length, struct diag_place place)
{
	*lexer = (struct lexer){.source = source, .diags = diags, .at = from, .end = from + length};
	lexer->line = lexer->ends_line = place.line;
	lexer->column = lexer->ends_column = place.column;
	lexer->line_start = from;
	cut(lexer, &lexer->token);
	cut(lexer, &lexer->ahead);
}

void lexer_advance(struct lexer *lexer)
{
	if (lexer->token.kind == TOKEN_END) {
		return;
	}
	if (lexer->token.kind != TOKEN_EOL) {
		lexer->ends_line = lexer->token.place.line;
		lexer->ends_column = lexer->token.place.end_column;
	}
	lexer->token = lexer->ahead;
	if (lexer->token.kind != TOKEN_END) {
		cut(lexer, &lexer->ahead);
	}
}

bool lexer_at_op(const struct lexer *lexer, int op)
{
	return lexer->token.kind == TOKEN_OP && lexer->token.op == op;
}

bool token_is_word(const struct token *token, const char *word)
{
	return token->kind == TOKEN_NAME && strlen(word) == token->length &&
		   !memcmp(token->text, word, token->length);
}

bool lexer_at_word(const struct lexer *lexer, const char *word)
{
	return token_is_word(&lexer->token, word);
}

char *token_text(const struct token *token)
{
	return g_strndup(token->text, token->length);
}

char *token_describe(const struct token *token)
{
	if (token->kind == TOKEN_END) {
		return g_strdup("the end of the file");
	}
	if (token->kind == TOKEN_EOL) {
		return g_strdup(token->length && token->text[0] == ';' ? "\";\"" : "the end of the line");
	}
	enum { SHOWN = 60 };
	if (token->kind == TOKEN_STRING) {
		return g_strdup("a text");
	}
	char *text = text_clean(token->text, token->length, SHOWN);
	char *out = g_strdup_printf("\"%s%s\"", text, strlen(text) < token->length ? "…" : "");
	g_free(text);
	return out;
}

struct diag_place lexer_behind(const struct lexer *lexer)
{
	return (struct diag_place){lexer->ends_line, lexer->ends_column, lexer->ends_column};
}
