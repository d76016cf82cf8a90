#pragma once
#include "collector/host/scan.h"

/* One line of /proc/interrupts. */
struct irq_reading {
	struct scan name;    /* "24", "LOC" */
	struct scan comment; /* what stands behind the numbers, as it is */
	bool numbered;       /* a device's interrupt: the comment begins with controller and pin */
	double count;        /* of all processors together since boot; NaN: not a number */
};

/* Number of processor columns, out of the first line, which is taken. */
unsigned irqstats_cpus(struct scan *text);

/* Takes the next interrupt. False: no more. */
bool irqstats_next(struct scan *text, unsigned cpus, struct irq_reading *reading);

/* What Munin calls it: the device with its pin, else the words, else the name. Cut to `size`. */
void irqstats_label(const struct irq_reading *reading, char *label, size_t size);
