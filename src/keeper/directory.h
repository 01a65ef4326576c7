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
	struct table changes;  /* names whose change is on its way to the ledger */
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

/* One change of a name at a time: a second, made from what the first is about to replace, would undo it. False: another is under way (or
 * out of memory). `name`, as it stands in the directory, must live until the change ends. */
bool directory_change_begins(struct directory *directory, struct str name);
void directory_change_ends(struct directory *directory, struct str name);

#endif
