#include "keeper/admit_token.h"

#include <string.h>

#include "domain/bearer.h"
#include "keeper/admit.h"
#include "keeper/issuer.h"

/* One reply for every token that is not good, as Exchange Online has it; the log says which. */
#define REFUSED_CODE 535
#define REFUSED_ENHANCED STR("5.7.3")
#define REFUSED_TEXT STR("Authentication unsuccessful")

static struct str kept(struct attempt *attempt, struct str text)
{
	struct str copy = STR("");

	return arena_keep(&attempt->arena, text, &copy) ? copy : STR("");
}

static void refuse(struct attempt *attempt, enum bearer_verdict verdict, bool later)
{
	const struct bearer_answer *bearer = bearer_answer_of(verdict);
	struct policy_answer policy = {
		.cause = bearer->cause,
		.error_code = bearer->error_code,
		.reason = bearer->reason,
	};
	struct ask_answer answer = { .code = REFUSED_CODE, .enhanced = REFUSED_ENHANCED, .text = REFUSED_TEXT };

	if (later) {
		answer = (struct ask_answer){ .code = 451, .enhanced = STR("4.7.3"),
					      .text = STR("Authentication unsuccessful due to temporary server error. Please try again later.") };
		policy.cause = "issuer-unreachable";
		policy.error_code = 90033;
		policy.reason = "The issuer's signing keys cannot be fetched just now.";
		attempt->answer_at_ms = 0;
	} else if (bearer->unproven) {
		admit_forged(attempt->keeper->admit, attempt);
	}
	attempt_finish(attempt, &policy, &answer);
}

/* Too many forgeries, or wrong passwords, came from there: no more work is done for it. */
static void refuse_network(struct attempt *attempt)
{
	struct ask_answer answer = { .code = REFUSED_CODE, .enhanced = REFUSED_ENHANCED, .text = REFUSED_TEXT };

	attempt_finish(attempt, policy_answer_of(POLICY_LOCKED_OUT), &answer);
}

static void decide(struct attempt *attempt, const struct account *account)
{
	struct keeper *keeper = attempt->keeper;
	struct policy_question question = {
		.protocol = AUTH_PROTOCOL_OAUTH,
		.account = account,
		.tenant = directory_tenant(&keeper->directory, str_of(account->domain)),
		.credentials_right = true,
	};
	struct ask_answer answer = { .good = true };
	enum policy_rule rule;
	const struct policy_answer *policy;

	memcpy(question.ip, attempt->ip, sizeof(question.ip));
	rule = policy_decide(&question);
	policy = policy_answer_of(rule);
	attempt->answer_at_ms = 0; /* the token is genuine: nothing is given away any more */
	admit_proven(keeper->admit, attempt->row.user, attempt->ip);
	if (rule == POLICY_ALLOWED) {
		answer.account = kept(attempt, str_of(account->address));
		answer.send_as = kept(attempt, str_of(account->send_as));
		answer.from_rewrite = kept(attempt, str_of(account->from_rewrite));
	} else {
		answer = (struct ask_answer){ .code = policy->code, .enhanced = str_of(policy->enhanced), .text = str_of(policy->text) };
	}
	attempt_finish(attempt, policy, &answer);
}

static void on_verdict(void *context, enum bearer_verdict verdict, bool later, const json_t *claims)
{
	struct attempt *attempt = context;
	const struct account *account = directory_account(&attempt->keeper->directory, attempt->row.user);

	if (claims && verdict == BEARER_GOOD) { /* before that anybody could have written them */
		attempt->row.app_id = kept(attempt, bearer_app_id(claims));
		attempt->row.app_name = kept(attempt, bearer_app_name(claims));
	}
	if (account)
		attempt->row.tenant = kept(attempt, str_of(account->domain));
	if (verdict != BEARER_GOOD)
		refuse(attempt, verdict, later);
	else if (!account)
		refuse(attempt, BEARER_IDENTITY, false);
	else
		decide(attempt, account);
}

void admit_token(struct attempt *attempt, struct str token)
{
	const struct account *account = directory_account(&attempt->keeper->directory, attempt->row.user);

	attempt->row.protocol = AUTH_PROTOCOL_OAUTH;
	if (admit_network_is_locked(attempt->keeper->admit, attempt->row.user, attempt->ip)) {
		refuse_network(attempt);
		return;
	}
	issuers_check(attempt->keeper->issuers, token, attempt->row.user, str_of(account ? account->domain : ""), on_verdict, attempt);
}
