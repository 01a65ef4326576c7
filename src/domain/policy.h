/* policy: may this sign-in pass? One table of rules in the order in which they are asked (design, 5), with Exchange Online's
 * own words. */
#ifndef DOMAIN_POLICY_H
#define DOMAIN_POLICY_H

#include "domain/account.h"

enum auth_protocol { AUTH_PROTOCOL_BASIC, AUTH_PROTOCOL_OAUTH, AUTH_PROTOCOL_NONE };

enum policy_rule {
	POLICY_ALLOWED,
	POLICY_LOCKED_OUT,        /* 50053, the general refusal */
	POLICY_CREDENTIALS,       /* 50126, or 50034 in the log for a name nobody has; the same reply */
	POLICY_ACCOUNT_DISABLED,  /* 50057 */
	POLICY_UNLICENSED,        /* 50105 */
	POLICY_BASIC_RETIRED,     /* 550 5.7.30 */
	POLICY_BASIC_DEFAULT_OFF,
	POLICY_REHEARSAL,
	POLICY_SECURITY_DEFAULTS, /* 530035 */
	POLICY_AUTH_POLICY,
	POLICY_MFA,               /* 50076 */
	POLICY_SMTP_AUTH_MAILBOX, /* SmtpClientAuthentication is disabled for the Mailbox */
	POLICY_SMTP_AUTH_TENANT,
	POLICY_OAUTH_PROFILE,
	POLICY_ADDRESS,           /* 53003: not from there */
	POLICY_RULE_COUNT
};

struct policy_question {
	enum auth_protocol protocol;
	const struct account *account; /* NULL: nobody has that name */
	const struct tenant *tenant;   /* NULL likewise */
	bool locked_out;
	bool credentials_right;
	bool rehearsed;                /* the rehearsal wants this one refused */
	unsigned char ip[16];
};

struct policy_answer {
	const char *cause;     /* id for log, report, explain: "smtp-auth-tenant" */
	unsigned code;         /* SMTP */
	const char *enhanced;
	const char *text;
	unsigned error_code;   /* AADSTS */
	const char *reason;    /* Entra's failureReason, English */
	const char *details;   /* N_(): what it means and what to do */
};

/* The first rule that refuses, or POLICY_ALLOWED. */
enum policy_rule policy_decide(const struct policy_question *question);
const struct policy_answer *policy_answer_of(enum policy_rule rule);
/* The same for the log: a name that nobody has is "unknown-user", 50034; its reply is that of wrong credentials. */
const struct policy_answer *policy_log_answer(enum policy_rule rule, const struct policy_question *question);
const struct policy_answer *policy_answer_find(struct str cause); /* of a log row's policyRule; NULL: no rule of ours */
bool policy_rule_parse(struct str cause, enum policy_rule *ret_rule);

/* The SMTP AUTH switch in force, and where it comes from: "mailbox" or "tenant". */
bool policy_smtp_auth(const struct tenant *tenant, const struct account *account, const char **ret_from);

#endif
