#include "rrd/marker.h"
#include "rrd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib.h>

#include "base/text.h"

#include "base/banned.h"

/*
 * A shared mapping of a small file: a store costs nothing, and the page cache keeps it when the
 * process is gone. (A power cut may lose it. Then nobody died of the file.)
 */
enum { MARKER_MAGIC = 0x314d4752, DEATHS_MAX = 2 };

struct marker_page {
	uint32_t magic;
	volatile sig_atomic_t fatal; /* signal number */
	uint32_t deaths;             /* of `suspect` */
	char now[LAYOUT_PATH_MAX];
	char suspect[LAYOUT_PATH_MAX];
};

struct marker {
	struct marker_page *page;
};

static const int fatal_signals[] = {SIGBUS, SIGFPE, SIGSEGV};

/* For the signal handler: the page of the one marker of this process, and what was there before. */
static struct marker_page *marked_page;
static struct sigaction earlier[ARRAY_LENGTH(fatal_signals)];

static void on_fatal(int number)
{
	marked_page->fatal = number;
	for (size_t i = 0; i < ARRAY_LENGTH(fatal_signals); i++) {
		if (fatal_signals[i] == number) {
			sigaction(number, &earlier[i], NULL); /* it comes again when we return */
		}
	}
}

static void watch_signals(struct marker_page *page)
{
	struct sigaction action = {.sa_handler = on_fatal};
	marked_page = page;
	for (size_t i = 0; i < ARRAY_LENGTH(fatal_signals); i++) {
		sigaction(fatal_signals[i], &action, &earlier[i]);
	}
}

static void judge_last_death(struct marker_page *page, char suspect[LAYOUT_PATH_MAX])
{
	page->now[LAYOUT_PATH_MAX - 1] = '\0';
	page->suspect[LAYOUT_PATH_MAX - 1] = '\0';
	*suspect = '\0';
	if (page->fatal && *page->now) {
		page->deaths = strcmp(page->now, page->suspect) ? 1 : page->deaths + 1;
		memcpy(page->suspect, page->now, sizeof(page->suspect));
		if (page->deaths >= DEATHS_MAX) {
			text_copy(suspect, LAYOUT_PATH_MAX, page->suspect);
			page->deaths = 0;
			*page->suspect = '\0';
		}
	}
	page->fatal = 0;
	*page->now = '\0';
}

struct marker *marker_open(
	const struct tree *tree, unsigned instance, char suspect[LAYOUT_PATH_MAX], struct error *err)
{
	g_autofree char *name = share_file_name("touching", instance);
	AUTO_FD fd = tree_private(tree, name, O_RDWR | O_CREAT, err);
	if (fd < 0) {
		return NULL;
	}
	int full = posix_fallocate(fd, 0, sizeof(struct marker_page));
	void *page =
		full ? MAP_FAILED
			 : mmap(NULL, sizeof(struct marker_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		error_errno(err, ERR_STORAGE, full ? full : errno, TREE_PRIVATE "/touching");
		return NULL;
	}
	struct marker *marker = g_new0(struct marker, 1);
	marker->page = page;
	if (marker->page->magic != MARKER_MAGIC) {
		*marker->page = (struct marker_page){.magic = MARKER_MAGIC};
	}
	judge_last_death(marker->page, suspect);
	watch_signals(marker->page);
	return marker;
}

void marker_destroy(struct marker *marker)
{
	if (!marker) {
		return;
	}
	if (marked_page == marker->page) {
		for (size_t i = 0; i < ARRAY_LENGTH(fatal_signals); i++) {
			sigaction(fatal_signals[i], &earlier[i], NULL);
		}
		marked_page = NULL;
	}
	munmap(marker->page, sizeof(struct marker_page));
	g_free(marker);
}

void marker_set(struct marker *marker, const char *path)
{
	text_copy(marker->page->now, LAYOUT_PATH_MAX, path);
}

void marker_clear(struct marker *marker)
{
	*marker->page->now = '\0';
}

void marker_forget(struct marker *marker)
{
	marker->page->deaths = 0;
	*marker->page->suspect = '\0';
}
