/* remedy: what to do about each cause that an upstream's reply, or a test of it, comes upon: what to click, which cmdlet to run. */
#ifndef COURIER_REMEDY_H
#define COURIER_REMEDY_H

#include "courier/failure.h"

struct remedy {
	const char *cause;   /* of failure.c, of stream.tls_trouble, or of the probe's own */
	const char *meaning; /* N_(); NULL: failure.c explains it */
	const char *mend;    /* N_() */
};

const struct remedy *remedy_find(const char *cause); /* NULL: nothing is known beyond what failure.c says */
/* For a reply that somebody shows, without its phase: what it most likely means. */
const struct failure_verdict *remedy_verdict(const struct smtp_reply *reply);
extern const struct remedy remedies[];
extern const size_t remedies_count;

#endif
