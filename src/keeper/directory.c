#include "keeper/directory.h"

#include <stdlib.h>

#include "base/cleanup.h"

void directory_init(struct directory *directory)
{
	table_init(&directory->tenants);
	table_init(&directory->accounts);
	table_init(&directory->changes);
}

static void account_free(struct account *account)
{
	if (account)
		account_done(account);
	free(account);
}

static void tenant_free(struct tenant *tenant)
{
	if (tenant)
		tenant_done(tenant);
	free(tenant);
}

void directory_done(struct directory *directory)
{
	struct tenant *tenant;
	struct account *account;
	size_t at = 0;

	while ((tenant = table_next(&directory->tenants, &at)))
		tenant_free(tenant);
	at = 0;
	while ((account = table_next(&directory->accounts, &at)))
		account_free(account);
	table_done(&directory->tenants);
	table_done(&directory->accounts);
	table_done(&directory->changes);
}

static void *find(const struct table *table, struct str name)
{
	CLEANUP(cleanup_free) char *key = str_dup_lower(name);

	return key ? table_find(table, str_of(key)) : NULL;
}

const struct account *directory_account(const struct directory *directory, struct str address)
{
	return find(&directory->accounts, address);
}

const struct tenant *directory_tenant(const struct directory *directory, struct str domain)
{
	return find(&directory->tenants, domain);
}

bool directory_put_tenant(struct directory *directory, const struct tenant *tenant)
{
	struct tenant *copy = calloc(1, sizeof(*copy));
	struct tenant *old = table_find(&directory->tenants, str_of(tenant->domain));

	if (!copy || !tenant_copy(tenant, copy) || !table_put(&directory->tenants, str_of(copy->domain), copy)) {
		tenant_free(copy);
		return false;
	}
	tenant_free(old);
	return true;
}

bool directory_put_account(struct directory *directory, const struct account *account)
{
	struct account *copy = calloc(1, sizeof(*copy));
	struct account *old = table_find(&directory->accounts, str_of(account->address));

	if (!copy || !account_copy(account, copy) || !table_put(&directory->accounts, str_of(copy->address), copy)) {
		account_free(copy);
		return false;
	}
	account_free(old);
	return true;
}

void directory_remove_account(struct directory *directory, struct str address)
{
	account_free(table_take(&directory->accounts, address));
}

static bool each_tenant(void *context, const struct tenant *tenant)
{
	return directory_put_tenant(context, tenant);
}

static bool each_account(void *context, const struct account *account)
{
	return directory_put_account(context, account);
}

enum outcome directory_load(struct directory *directory, struct ledger *ledger, struct fault *fault)
{
	if (ledger_tenants(ledger, each_tenant, directory, fault) != OUTCOME_OK ||
	    ledger_accounts(ledger, each_account, directory, fault) != OUTCOME_OK)
		return fault->outcome;
	return OUTCOME_OK;
}

bool directory_change_begins(struct directory *directory, struct str name)
{
	return !table_find(&directory->changes, name) && table_put(&directory->changes, name, directory);
}

void directory_change_ends(struct directory *directory, struct str name)
{
	(void)table_take(&directory->changes, name);
}
