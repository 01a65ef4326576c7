/* rehearsal: which sign-ins with basic authentication are refused for a while, as on the day they will be. Pure: time and chance are given in. */
#ifndef DOMAIN_REHEARSAL_H
#define DOMAIN_REHEARSAL_H

#include <stdint.h>

#include "base/str.h"

#define REHEARSAL_USERS_MAX 4096  /* bytes of the list */
#define REHEARSAL_DEVICES_MAX 20000

struct rehearsal_plan {
	unsigned percent;                 /* 0: none runs */
	int64_t begins_us, ends_us;
	bool twice;                       /* a device may be refused twice in a row */
	char users[REHEARSAL_USERS_MAX];  /* addresses parted by blanks; "": everybody */
};

struct rehearsal;

struct rehearsal *rehearsal_new(void); /* NULL: out of memory */
void rehearsal_free(struct rehearsal *rehearsal);

/* Is this sign-in refused? `device` names account and address; `chance` is any 32 bits. In the long run `percent` of a device's sign-ins are,
 * but never two in a row (unless `twice`): the chance after one that passed is raised to make up for it. */
bool rehearsal_wants(struct rehearsal *rehearsal, const struct rehearsal_plan *plan, struct str user, struct str device,
		     int64_t now_us, uint32_t chance);

/* One line of JSON and back, for the file that outlives a restart. */
bool rehearsal_plan_print(const struct rehearsal_plan *plan, size_t size, char *ret_text);
bool rehearsal_plan_parse(struct str text, struct rehearsal_plan *ret_plan);

#endif
