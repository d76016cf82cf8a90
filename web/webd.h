#pragma once
/* The main of the web role; returns its exit code. */
int web_role_main(void);
