#pragma once
#include "base/auto.h"
#include "base/error.h"
#include "rrd/layout.h"
#include "rrd/tree.h"

/*
 * Names the file that librrd is working on, in a page that outlives the process. If the role dies
 * of SIGBUS, SIGFPE or SIGSEGV in the middle, the next one knows which file did it; the second time
 * the file is to be set aside. Other deaths (kill -9) are not the file's fault and do not count.
 */
struct marker;

/*
 * Opens the page. `suspect` gets the path of a file that killed the role twice, or "". From then on
 * the fatal signals of this process are noted (and still end it).
 */
MUST_USE struct marker *marker_open(
	const struct tree *tree, unsigned instance, char suspect[LAYOUT_PATH_MAX], struct error *err);
void marker_destroy(struct marker *marker);
DEFINE_AUTO(marker)

void marker_set(struct marker *marker, const char *path);
void marker_clear(struct marker *marker);

/* All files were written without harm (a checkpoint): an earlier death is forgotten. */
void marker_forget(struct marker *marker);
