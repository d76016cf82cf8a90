#pragma once

/* The collector role: samples this host and says what it saw to the engine. Returns the exit code.
 */
int collector_role_main(void);
