#pragma once
#include "model/service.h"

/*
 * What magpie.conf says of graphs, put into effect: overrides of what sources declare, and graphs
 * made of the fields of others. A declaration that an override touches is kept as it came, so that
 * another configuration counts at once, without asking anybody anew.
 */
struct engine;
struct graphs;

struct graphs *graphs_create(void);
void graphs_destroy(struct graphs *graphs);

/* A declaration on its way into the inventory. False: a graph of the configuration has its name. */
bool graphs_declared(struct engine *engine, struct service *service);

/* The configuration in force is another one (fleet_configure() has run). */
void graphs_configure(struct engine *engine);
