#pragma once
#include "base/attr.h"
#include "base/error.h"

#include <stdbool.h>

/*
 * Opens the program and checks the descriptor: a regular file that belongs to root, that only root
 * may write, executable, no symbolic link; all directories above it likewise root's (a sticky one
 * may be written by others). CONFIG: no absolute path; NOT_FOUND, STORAGE; DENIED says which part
 * is not so. -1: failed.
 */
MUST_USE int program_open(const char *path, struct error *err);

/* The same for a program that is executed by its path, where symbolic links are allowed if they are
 * root's and lie and lead in such directories. */
MUST_USE bool program_check(const char *path, struct error *err);
