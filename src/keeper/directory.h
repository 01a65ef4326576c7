/* directory: tenants and accounts in memory, so that no sign-in waits for the ledger. */
#ifndef KEEPER_DIRECTORY_H
#define KEEPER_DIRECTORY_H

#include "base/fault.h"
#include "base/table.h"
#include "domain/account.h"
#include "keep/ledger.h"

struct directory {
	struct table tenants;  /* by domain */
	struct table accounts; /* by address */
};

void directory_init(struct directory *directory);
void directory_done(struct directory *directory);
enum outcome directory_load(struct directory *directory, struct ledger *ledger, struct fault *fault);

/* By name in any case. NULL: nobody. Valid until the next change. */
const struct account *directory_account(const struct directory *directory, struct str address);
const struct tenant *directory_tenant(const struct directory *directory, struct str domain);

/* Put a copy in, over any older one. False: out of memory. */
bool directory_put_tenant(struct directory *directory, const struct tenant *tenant);
bool directory_put_account(struct directory *directory, const struct account *account);
void directory_remove_account(struct directory *directory, struct str address);

#endif
