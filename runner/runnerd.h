#pragma once

/* Main of the runner role; returns the process's exit code. */
int runner_role_main(void);
