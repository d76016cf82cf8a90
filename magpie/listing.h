#pragma once
#include "magpie/client.h"
#include "magpie/options.h"
#include "magpie/table.h"

/*
 * What every command has in common that asks the running server one thing and prints the answer as
 * `-o table|json|csv`.
 */
struct listing {
	const char *path; /* what is asked: "/api/v1/alerts" */
	struct client client;
	const char *form_name; /* as written behind -o; NULL: "table" */
	enum table_form form;
	json_t *answer; /* the caller decrefs it */
};

/* Rows that every listing has; for struct option_row tables. */
#define LISTING_OPTIONS(listing)                                                                   \
	CLIENT_OPTIONS((listing).client),                                                              \
	{                                                                                              \
		"o", TABLE_FORMS, "form of the output (default: table)", &(listing).form_name, NULL        \
	}

enum { LISTING_GO = OPTIONS_GO };

/* Reads the command line and asks. LISTING_GO: form and answer are there; else the exit code, and
 * what is wrong was told. */
int listing_ask(struct listing *listing, const struct options *options, int argc, char **argv);
