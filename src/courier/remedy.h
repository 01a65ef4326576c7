/* remedy: what to do about each cause that an upstream's reply, or a test of it, comes upon: what to click, which cmdlet to run. */
#ifndef COURIER_REMEDY_H
#define COURIER_REMEDY_H

#include "base/str.h"

struct remedy {
	const char *cause;   /* of failure.c, of stream.tls_trouble, or of the probe's own */
	const char *meaning; /* N_(); NULL: failure.c explains it */
	const char *mend;    /* N_() */
};

const struct remedy *remedy_find(const char *cause); /* NULL: nothing is known beyond what failure.c says */
extern const struct remedy remedies[];
extern const size_t remedies_count;

#endif
