#include "model/hostname.h"
#include "base/auto.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/banned.h"

/* Pure but for hostname_find(), which asks the kernel and reads one file. */
enum { HOSTS_MAX = 1 << 20 };

/* The qualified first name of one line, if `name` is on it. */
static bool hostname_of_line(char *line, const char *name, char out[IDENT_HOST_MAX + 1])
{
	static const char blanks[] = " \t\r";
	char *rest = line;
	line[strcspn(line, "#")] = '\0';
	char *word = strsep(&rest, blanks); /* the address */
	const char *first = NULL;
	bool here = false;
	while (word && (word = strsep(&rest, blanks))) {
		if (*word) {
			first = first ? first : word;
			here = here || !g_ascii_strcasecmp(word, name);
		}
	}
	return here && strchr(first, '.') && ident_is_host(first) &&
		   text_copy(out, IDENT_HOST_MAX + 1, first);
}

bool hostname_qualify(
	const char *text, size_t length, const char *name, char out[IDENT_HOST_MAX + 1])
{
	g_autofree char *copy = g_strndup(text, length);
	char *rest = copy;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (hostname_of_line(line, name, out)) {
			return true;
		}
	}
	return false;
}

void hostname_find(char name[IDENT_HOST_MAX + 1])
{
	char own[IDENT_HOST_MAX + 1] = "";
	if (gethostname(own, sizeof(own) - 1) || !ident_is_host(own)) {
		snprintf(own, sizeof(own), "localhost");
	}
	snprintf(name, IDENT_HOST_MAX + 1, "%s", own);
	if (!strchr(own, '.')) {
		size_t length = 0;
		AUTO_FREE char *hosts = file_read(AT_FDCWD, "/etc/hosts", HOSTS_MAX, &length, NULL);
		(void)(hosts && hostname_qualify(hosts, length, own, name));
	}
}
