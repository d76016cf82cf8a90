#pragma once
#include "base/error.h"

/*
 * What a single text of magpie.conf has to be: checks for rows of its tables. True: fit. CONFIG:
 * not, and the text says what was expected there.
 */
/* "HOST", "HOST:PORT", "unix:///PATH"; `$HOST` and `$ADDRESS` may stand for the host's own. */
bool config_check_address(const char *text, struct error *err);
bool config_check_no_control(const char *text, struct error *err);
bool config_check_path(const char *text, struct error *err);
bool config_check_endpoint(const char *text, struct error *err);
bool config_check_http_url(const char *text, struct error *err);
bool config_check_base_url(const char *text, struct error *err);
bool config_check_smtp_url(const char *text, struct error *err);
bool config_check_host(const char *text, struct error *err);
bool config_check_group(const char *text, struct error *err);
bool config_check_pattern(const char *text, struct error *err);
