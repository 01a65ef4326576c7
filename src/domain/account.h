/* account: who may sign in, and the tenant it belongs to, with the switches that Exchange Online has (contract, 2). */
#ifndef DOMAIN_ACCOUNT_H
#define DOMAIN_ACCOUNT_H

#include "base/buf.h"
#include "base/str.h"
#include "domain/cidr.h"

enum tristate { TRI_INHERIT, TRI_ON, TRI_OFF };
enum basic_state { BASIC_UNCHANGED, BASIC_DEFAULT_OFF, BASIC_RE_ENABLED, BASIC_RETIRED, BASIC_STATE_COUNT };
enum mfa_state { MFA_DISABLED, MFA_ENABLED, MFA_ENFORCED, MFA_STATE_COUNT };

struct tenant {
	char *domain; /* lower case; its accounts end in @domain */
	bool smtp_auth;
	bool security_defaults;
	bool oauth2_client_profile;
	bool auth_policy_basic_smtp;
	enum basic_state basic;
};

struct account {
	char *address;        /* lower case; the user name for AUTH; set by account_address_set */
	const char *domain;   /* within address */
	enum tristate smtp_auth;
	enum tristate auth_policy_basic_smtp;
	enum mfa_state mfa;
	bool licensed;
	bool enabled;
	bool answer_upstream; /* a message is answered only when the upstream has said its word */
	char *send_as;        /* addresses, or "@domain", parted by blanks; "" for none */
	char *address_limits; /* CIDRs parted by blanks; "" for none */
	char *from_rewrite;   /* an address; "" for none */
	char *verifier;       /* keep/password; "" when no password is set */
	/* NULL stands for "" in all of these. */
};

void tenant_init(struct tenant *tenant);   /* the defaults of contract, 2 */
void account_init(struct account *account);
void tenant_done(struct tenant *tenant);
void account_done(struct account *account);
/* Lower case, whole: LOCAL@DOMAIN. False: not of that form, longer than 254 bytes (RFC 5321), or out of memory. */
bool account_address_set(struct account *account, struct str address) __attribute__((warn_unused_result));
bool tenant_domain_set(struct tenant *tenant, struct str domain) __attribute__((warn_unused_result)); /* likewise */
bool account_copy(const struct account *from, struct account *ret_to);
bool tenant_copy(const struct tenant *from, struct tenant *ret_to);

/*
 * The switches as one table, for CLI, API, ledger columns and audit: name ("smtp-auth"), values, what it does, the cmdlet and
 * the portal path that do the same in a real tenant. To add a switch: a row here and a migration in the ledger.
 */
struct switch_row {
	const char *name;
	const char *values;      /* "on|off|inherit", or a N_() hint for free text */
	const char *explain;     /* N_() */
	const char *cmdlet;      /* with {object} and {value} in it, see switch_cmdlet; NULL: none */
	const char *real_values; /* what stands for {value}: "on=$false;off=$true"; NULL: the value itself, a line for each of a list */
	const char *portal;      /* N_() path; NULL: none */
	bool (*set)(void *object, struct str value);             /* false: not one of the values */
	bool (*get)(const void *object, char *ret_text, size_t size);
};
extern const struct switch_row tenant_switches[];
extern const size_t tenant_switches_count;
extern const struct switch_row account_switches[];
extern const size_t account_switches_count;
const struct switch_row *switch_find(const struct switch_row *rows, size_t count, struct str name);

#define SWITCH_TEXT_MAX 8192 /* the longest value, its NUL included */

/* Add the cmdlet that sets `row` to `value` for `object` (account or domain) in the real tenant. False: there is none for
 * this value, or no room. */
bool switch_cmdlet(const struct switch_row *row, struct str object, struct str value, struct buf *out);

/* The account may send as its own address and what its send_as list has; "@domain" there is every address of that domain.
 * Case does not count. */
bool account_may_send_as(struct str address, struct str send_as, struct str sender);

#endif
