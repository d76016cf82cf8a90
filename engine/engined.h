#pragma once

/* Main of the role: everything the system knows, and no network, no exec, no librrd. Returns the
 * exit code. */
int engine_role_main(void);
