#pragma once

/* Main of the role that keeps the RRD files and draws graphs; returns the exit code. */
int rrd_role_main(void);
