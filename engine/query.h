#pragma once
#include <stdint.h>

/* What web asks on behalf of people. The engine itself checks who may what. */
struct engine;

/* Answers by publish_answer(). Texts are foreign. */
void query_answer(
	struct engine *engine, uint32_t request, const char *token, const char *verb, const char *json);
