#pragma once
/* The version of the program; meson passes the project's own. */
#ifndef MAGPIE_VERSION
#define MAGPIE_VERSION "unknown"
#endif
