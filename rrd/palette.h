#pragma once
#include "rrd/drawing.h"

/*
 * Colours of graphs: Munin's palette for fields, Magpie's own tokens for everything around them, so
 * that a picture sits well on the page of its theme.
 */
enum { PALETTE_PARTS = 10 };

struct drawing_palette {
	const char *parts[PALETTE_PARTS]; /* "BACK#RRGGBB" … as librrd names them; NULL: no more */
	const char *zero, *update, *note, *note_fill; /* RRGGBB, as all that follow */
	struct {
		const char *edge, *fill; /* of rules and edges; of what lies behind the curves */
	} levels[DRAWING_UNKNOWN + 1];
};

const struct drawing_palette *palette_of(enum drawing_theme theme);

/* Munin's `colour`: RRGGBB or COLOURn; else (or NULL) the `index`th of the palette. RRGGBB. */
void palette_colour(const char *colour, unsigned index, char out[8]);
