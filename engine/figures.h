#pragma once

struct engine;

/* Tells web the numbers of the engine and of the rrd roles, for /metrics. */
void figures_send(struct engine *engine);
