#include "rrd/palette.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/banned.h"

/*
 * The field colours are Munin's, in its order: people know their graphs by them. The rest are the
 * tokens --surface, --text-2, --line-2, --grid, --text, --axis, --warn and --crit of the pages.
 */
static const char *const field_colours[] = {"00CC00", "0066B3", "FF8000", "FFCC00", "330099",
	"990099", "CCFF00", "FF0000", "808080", "008F00", "00487D", "B35A00", "B38F00", "6B006B",
	"8FB300", "B30000", "BEBEBE", "80FF80", "80C9FF", "FFC080", "FFE680", "AA80FF", "EE00CC",
	"FF8080", "666600", "FFBFFF", "00FFCC", "CC6699", "999900"};

#define LEVELS_ON_LIGHT                                                                            \
	{                                                                                              \
		[DRAWING_NOTICE] = {"2F6FB0", "E4EEF8"}, [DRAWING_WARNING] = {"A06A00", "FBF0D2"},         \
		[DRAWING_CRITICAL] = {"9C0020", "FADFE5"}, [DRAWING_UNKNOWN] = {                           \
			"6B5B95",                                                                              \
			"EBE7F3"                                                                               \
		}                                                                                          \
	}

static const struct drawing_palette palettes[DRAWING_THEMES] = {
	[DRAWING_LIGHT] = {.parts = {"BACK#FFFFFF", "FRAME#FFFFFF", "CANVAS#FFFFFF", "FONT#454E5B",
						   "AXIS#CCD3DC", "ARROW#CCD3DC", "GRID#E6EAEF", "MGRID#CCD3DC",
						   "SHADEA#FFFFFF", "SHADEB#FFFFFF"},
		.zero = "12161C",
		.update = "8590A0",
		.note = "0E7490",
		.note_fill = "DDF1F4",
		.levels = LEVELS_ON_LIGHT},
	[DRAWING_DARK] =
		{.parts = {"BACK#12171E", "FRAME#12171E", "CANVAS#12171E", "FONT#B1BBC7", "AXIS#354150",
			 "ARROW#354150", "GRID#1F2731", "MGRID#354150", "SHADEA#12171E", "SHADEB#12171E"},
			.zero = "E8EDF3",
			.update = "66758A",
			.note = "22D3EE",
			.note_fill = "0F2A30",
			.levels = {[DRAWING_NOTICE] = {"7FB2E5", "1A2A3C"},
				[DRAWING_WARNING] = {"F6C20E", "352C10"},
				[DRAWING_CRITICAL] = {"FF5C7F", "3A1722"},
				[DRAWING_UNKNOWN] = {"B8A6E8", "272038"}}},
	[DRAWING_MUNIN] = {.parts = {"BACK#F0F0F0", "FRAME#F0F0F0", "CANVAS#FFFFFF", "FONT#666666",
						   "AXIS#CFD6F8", "ARROW#CFD6F8"},
		.zero = "000000",
		.update = "999999",
		.note = "0E7490",
		.note_fill = "DDF1F4",
		.levels = LEVELS_ON_LIGHT},
};

const struct drawing_palette *palette_of(enum drawing_theme theme)
{
	return &palettes[theme];
}

static bool is_rgb(const char *text)
{
	return strlen(text) == 6 && strspn(text, "0123456789abcdefABCDEF") == 6;
}

void palette_colour(const char *colour, unsigned index, char out[8])
{
	long long number;
	if (colour && is_rgb(colour)) {
		snprintf(out, 8, "%s", colour);
		return;
	}
	if (colour && !g_ascii_strncasecmp(colour, "COLOUR", 6) &&
		number_parse_int(colour + 6, strlen(colour + 6), 0, 9999, &number)) {
		index = (unsigned)number;
	}
	snprintf(out, 8, "%s", field_colours[index % ARRAY_LENGTH(field_colours)]);
}
