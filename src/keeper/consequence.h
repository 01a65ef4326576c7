/* consequence: whom a change of a tenant or an account would refuse that may sign in today: asked before the change is made. */
#ifndef KEEPER_CONSEQUENCE_H
#define KEEPER_CONSEQUENCE_H

#include "keeper/ledger_job.h"

/* A change that is not made yet; one of the two is NULL. */
struct consequence_change {
	const struct tenant *tenant;
	const struct account *account;
};

/* Would this account, allowed today with basic authentication, be refused after the change? */
bool consequence_refuses(const struct directory *directory, const struct account *account, const struct consequence_change *change);

/* Would every account of the tenant that may sign in today be refused? False when only one or two may, or none. */
bool consequence_locks_all_out(const struct directory *directory, const struct tenant *changed);

/* --dry-run: a row for each account that signed in within 30 days and would be refused, a note with their number; ends the call. Takes copies of
 * the change. */
void consequence_tell(struct api_call *call, const struct consequence_change *change);

#endif
