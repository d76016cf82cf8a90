#pragma once

/* Main of the notify role; returns the process's exit code. */
int notify_role_main(void);
