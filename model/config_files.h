#pragma once
#include "base/bundle.h"
#include "base/error.h"

/*
 * Reads all configuration there is into a bundle: the file `path` under the name CONFIG_MAIN_FILE
 * (NULL: none, the embedded defaults), then the *.magpie files of the rules directory in the order
 * of their names: the directory that the setting `rules` names (relative to the file's own
 * directory), else "rules.d" beside the file if it is there. Whether the content makes sense is not
 * asked. Errors: what cannot be read, is no regular file, is too large or too many; a file or a
 * rules directory that everybody may write is DENIED.
 */
MUST_USE struct bundle *config_files_read(const char *path, struct error *err);
