#pragma once
#include "base/quantity.h"
#include "model/service.h"
#include "rules/selector.h"

/*
 * What the values of a series mean. In this order: the field's own `unit` attribute (of the
 * value as it is stored, counters per second); the table of
 * known plugins (stock.def); what graph_vlabel says; else unknown, which is never an error.
 */
struct series_type {
	struct unit_scale scale;
	bool known;   /* the unit was found; else the scale is 1 and the dimension unknown */
	bool counter; /* the value is a rate already */
	bool real;    /* of a field that exists; else from the table alone */
};

/* Of the series a selector names, as far as the table of known plugins says. */
struct series_type typing_of_selector(const struct selector *selector);

/* Of a field that is there. */
struct series_type typing_of_field(const struct field *field);
