#include "keeper/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#include "base/log.h"
#include "domain/policy.h"
#include "keeper/admit_token.h"
#include "keeper/attempt.h"
#include "keeper/notice.h"
#include "keeper/rehearse.h"
#include "keeper/verified.h"
#include "wire/sasl.h"
#include "wire/smtp_server.h"

#define THROTTLE_ENTRIES_MAX 50000

struct admit {
	struct keeper *keeper;
	struct throttle *throttle;
	struct verified *verified;
	struct table hashing; /* of struct hash, by key: equal credentials in flight are verified once */
	struct admit_counts counts;
};

/* One verification on a worker, and everybody who waits for it. */
struct hash {
	struct worker_job job; /* first */
	struct admit *admit;
	struct attempt *waiting;
	char *address;  /* NULL: a name that nobody has */
	char *verifier;
	char *password;
	size_t password_len;
	unsigned char key[VERIFIED_KEY_BYTES];
	bool right;
};

static const struct policy_answer busy = {
	"busy", 454, "4.7.0", "Temporary authentication failure", 90033, "A transient error has occurred. Please try again.", "",
};
static const struct policy_answer protocol_fault = {
	"protocol", 0, "", "", 90014, "The request is malformed or uses what is not offered here.", "",
};

/* --- connections --- */

static struct str keep_or_empty(struct attempt *attempt, const char *text)
{
	struct str kept = STR("");

	return arena_keep(&attempt->arena, str_of(text), &kept) ? kept : STR("");
}

/* The account that a listener trusts this address for; NULL: none. */
static const struct account *trusted_account(const struct keeper *keeper, const struct visitor *visitor)
{
	const struct listener_settings *listener = &keeper->settings->listeners[visitor->listener];

	for (size_t i = 0; i < listener->trusted_count; i++) {
		if (cidr_has(&listener->trusted[i].from, visitor->ip))
			return directory_account(&keeper->directory, str_of(listener->trusted[i].account));
	}
	return NULL;
}

/* A device that cannot sign in at all (`trusted`): judged by the rules that ask for no credentials, and written down like a
 * sign-in. Refused, it may still try AUTH. False: out of memory. */
static bool admit_trusted(struct keeper *keeper, struct visitor *visitor, const struct way_back *way,
			  const struct account *account)
{
	struct attempt *attempt = attempt_new(keeper, visitor, way, str_of(account->address), STR(""), STR(""), STR(""));
	struct policy_question question = {
		.protocol = AUTH_PROTOCOL_NONE,
		.account = account,
		.tenant = directory_tenant(&keeper->directory, str_of(account->domain)),
		.credentials_right = true,
	};
	struct ask_answer answer = { .good = true };
	enum policy_rule rule;

	if (!attempt)
		return false;
	memcpy(question.ip, visitor->ip, sizeof(question.ip));
	rule = policy_decide(&question);
	attempt->row.protocol = AUTH_PROTOCOL_NONE;
	attempt->row.tenant = keep_or_empty(attempt, account->domain);
	if (rule == POLICY_ALLOWED) {
		answer.account = keep_or_empty(attempt, account->address);
		answer.send_as = keep_or_empty(attempt, account->send_as);
		answer.from_rewrite = keep_or_empty(attempt, account->from_rewrite);
	}
	attempt_finish(attempt, policy_answer_of(rule), &answer);
	return true;
}

bool admit_connected(struct keeper *keeper, struct visitor *visitor, const struct way_back *way)
{
	const struct limits *limits = &keeper->settings->limits;
	const struct account *account = trusted_account(keeper, visitor);
	struct ask_answer answer = { .good = true };
	char next_id[16];

	if (keeper->stopping || gates_visitors(keeper->gates) >= limits->connections_max ||
	    gates_from(keeper->gates, visitor->ip) >= limits->connections_per_address_max) {
		answer = (struct ask_answer){ .code = 421, .enhanced = STR("4.3.2"),
					      .text = STR("Too many connections, try again later") };
		gates_answer(keeper->gates, way, &answer, -1);
		return false;
	}
	keeper_event_id(keeper, next_id, &visitor->next_count); /* a sign-in gives another; without one there is this */
	if (account && admit_trusted(keeper, visitor, way, account))
		return true;
	answer.next_id = str_of(next_id);
	gates_answer(keeper->gates, way, &answer, -1);
	return true;
}

/* --- sign-in --- */

static void decide(struct attempt *attempt, bool right)
{
	struct keeper *keeper = attempt->keeper;
	struct admit *admit = keeper->admit;
	const struct account *account = directory_account(&keeper->directory, attempt->row.user);
	struct policy_question question = {
		.protocol = AUTH_PROTOCOL_BASIC,
		.account = account,
		.tenant = account ? directory_tenant(&keeper->directory, str_of(account->domain)) : NULL,
		.locked_out = attempt->locked_out,
		.credentials_right = right && account,
	};
	struct ask_answer answer = { .good = true };
	const struct policy_answer *policy;
	enum policy_rule rule;

	memcpy(question.ip, attempt->ip, sizeof(question.ip));
	question.rehearsed = question.credentials_right && rehearse_wants(keeper->rehearse, attempt->row.user, attempt->row.ip);
	rule = policy_decide(&question);
	policy = policy_answer_of(rule);
	if (question.tenant)
		attempt->row.tenant = keep_or_empty(attempt, question.tenant->domain);
	if (rule == POLICY_ALLOWED) {
		/* The directory may change while the row is written. */
		answer.good = arena_keep(&attempt->arena, str_of(account->address), &answer.account) &&
			      arena_keep(&attempt->arena, str_of(account->send_as), &answer.send_as) &&
			      arena_keep(&attempt->arena, str_of(account->from_rewrite), &answer.from_rewrite);
	} else {
		answer = (struct ask_answer){ .code = policy->code, .enhanced = str_of(policy->enhanced),
					      .text = str_of(policy->text) };
	}
	if (rule == POLICY_CREDENTIALS)
		notices_locked_out(keeper->notices,
				   throttle_failed(admit->throttle, attempt->row.user, attempt->ip, uv_now(&keeper->loop.uv)),
				   attempt->row.user, attempt->row.ip);
	else if (right && account)
		throttle_succeeded(admit->throttle, attempt->row.user, attempt->ip, uv_now(&keeper->loop.uv));
	if (rule != POLICY_CREDENTIALS && rule != POLICY_LOCKED_OUT)
		attempt->answer_at_ms = 0;
	if (answer.good)
		admit->counts.passed++;
	else
		admit->counts.refused++;
	attempt_finish(attempt, policy_log_answer(rule, &question), &answer);
}

static void run_hash(struct worker_job *job)
{
	struct hash *hash = (struct hash *)job;
	struct str password = { hash->password, hash->password_len };

	if (hash->address)
		hash->right = password_check(hash->admit->keeper->password_key, hash->verifier, password);
	else
		password_check_nobody(password);
}

static void hash_free(struct hash *hash)
{
	if (hash->password)
		sodium_memzero(hash->password, hash->password_len);
	free(hash->password);
	free(hash->address);
	free(hash->verifier);
	free(hash);
}

static void on_hashed(struct worker_job *job)
{
	struct hash *hash = (struct hash *)job;
	struct admit *admit = hash->admit;
	const struct account *account = hash->address ? directory_account(&admit->keeper->directory, str_of(hash->address)) : NULL;
	struct attempt *attempt = hash->waiting;

	(void)table_take(&admit->hashing, TABLE_KEY(hash->key));
	admit->counts.hashing--;
	/* A password changed meanwhile makes the old one wrong. */
	if (!account || !str_eq(str_of(account->verifier), str_of(hash->verifier)))
		hash->right = false;
	if (hash->right)
		verified_add(admit->verified, str_of(hash->address), hash->key, uv_now(&admit->keeper->loop.uv));
	while (attempt) {
		struct attempt *next = attempt->next;

		decide(attempt, hash->right);
		attempt = next;
	}
	hash_free(hash);
}

static void too_busy(struct attempt *attempt)
{
	struct ask_answer answer = { .code = busy.code, .enhanced = str_of(busy.enhanced), .text = str_of(busy.text) };

	attempt->answer_at_ms = 0;
	attempt->keeper->admit->counts.refused++;
	attempt_finish(attempt, &busy, &answer);
}

/* Hand the slow check to a worker, or join one that is under way for the same credentials. */
static void hash_for(struct attempt *attempt, const struct account *account, struct str password,
		     const unsigned char key[VERIFIED_KEY_BYTES])
{
	struct admit *admit = attempt->keeper->admit;
	struct hash *hash = account ? table_find(&admit->hashing, (struct str){ (const char *)key, VERIFIED_KEY_BYTES }) : NULL;

	if (hash) {
		attempt->next = hash->waiting;
		hash->waiting = attempt;
		return;
	}
	hash = calloc(1, sizeof(*hash));
	if (!hash) {
		too_busy(attempt);
		return;
	}
	hash->job = (struct worker_job){ .run = run_hash, .done = on_hashed };
	hash->admit = admit;
	hash->address = account ? str_dup(str_of(account->address)) : NULL;
	hash->verifier = str_dup(str_of(account ? account->verifier : NULL));
	hash->password = str_dup(password);
	hash->password_len = password.len;
	memcpy(hash->key, key, VERIFIED_KEY_BYTES);
	if (!hash->verifier || !hash->password || (account && !hash->address) ||
	    !worker_add(admit->keeper->hashers, &hash->job)) {
		hash_free(hash);
		too_busy(attempt);
		return;
	}
	hash->waiting = attempt;
	admit->counts.hashing++;
	if (account && !table_put(&admit->hashing, TABLE_KEY(hash->key), hash))
		log_event(LOG_LEVEL_WARNING, "out of memory", LOG_TEXT("what", "joining equal sign-ins"));
}

static void verify(struct attempt *attempt, struct str password)
{
	struct keeper *keeper = attempt->keeper;
	const struct account *account = directory_account(&keeper->directory, attempt->row.user);
	unsigned char key[VERIFIED_KEY_BYTES] = { 0 };

	if (account) {
		struct str address = str_of(account->address);

		if (password_is_fast(account->verifier)) {
			decide(attempt, password_check(keeper->password_key, account->verifier, password));
			return;
		}
		verified_key(keeper->admit->verified, address, str_of(account->verifier), password, key);
		if (verified_has(keeper->admit->verified, key, uv_now(&keeper->loop.uv))) {
			decide(attempt, true);
			return;
		}
	}
	hash_for(attempt, account, password, key);
}

void admit_sign_in(struct keeper *keeper, struct visitor *visitor, const struct way_back *way,
		   const struct ask_sign_in *question)
{
	struct attempt *attempt = attempt_new(keeper, visitor, way, question->user, question->ehlo,
					      question->tls_version, question->tls_cipher);
	bool other_identity = question->authzid.len > 0 && !str_eq_nocase(question->authzid, question->user);

	if (!attempt) {
		struct ask_answer answer = { .code = busy.code, .enhanced = str_of(busy.enhanced), .text = str_of(busy.text) };

		gates_answer(keeper->gates, way, &answer, -1);
		return;
	}
	attempt->row.mechanism = question->mechanism;
	attempt->row.protocol = AUTH_PROTOCOL_BASIC;
	attempt->answer_at_ms = uv_now(&keeper->loop.uv) + keeper->settings->limits.refusal_delay_ms;
	if (question->mechanism == SASL_XOAUTH2 || question->mechanism == SASL_OAUTHBEARER) {
		admit_token(attempt, question->secret);
		return;
	}
	attempt->locked_out = throttle_ask(keeper->admit->throttle, attempt->row.user, attempt->ip,
					   uv_now(&keeper->loop.uv)) != THROTTLE_PASS;
	/* Nobody signs in as somebody else; a locked name is not hashed. Both leave at the fixed delay, as wrong ones do. */
	if (attempt->locked_out || other_identity)
		decide(attempt, false);
	else
		verify(attempt, question->secret);
}

/* --- what tokens tell the throttle --- */

bool admit_network_is_locked(struct admit *admit, struct str user, const unsigned char ip[16])
{
	return throttle_ask(admit->throttle, user, ip, uv_now(&admit->keeper->loop.uv)) == THROTTLE_NETWORK_LOCKED;
}

void admit_forged(struct admit *admit, const struct attempt *attempt)
{
	notices_locked_out(admit->keeper->notices,
			   throttle_forged(admit->throttle, attempt->row.user, attempt->ip, uv_now(&admit->keeper->loop.uv)),
			   attempt->row.user, attempt->row.ip);
}

void admit_proven(struct admit *admit, struct str user, const unsigned char ip[16])
{
	throttle_succeeded(admit->throttle, user, ip, uv_now(&admit->keeper->loop.uv));
}

/* --- what the gate refuses itself --- */

static void refused_message(struct keeper *keeper, struct visitor *visitor, const struct ask_refused *question,
			    const char *event_id, struct ask_answer *answer)
{
	char address[JOURNAL_ADDRESS_MAX];
	char reply[768];
	struct trace_recipient recipient = { .address = question->detail, .state = TRACE_REFUSED, .at_us = keeper_now_us(keeper) };
	struct trace trace = { .id = str_of(event_id), .account = str_of(visitor->account), .received_us = recipient.at_us };
	struct buf packed;

	journal_address_print(visitor->ip, address);
	(void)snprintf(reply, sizeof(reply), "%u %.*s %.*s [%s]", answer->code, STR_ARG(answer->enhanced),
		       STR_ARG(answer->text), event_id);
	recipient.reply = str_of(reply);
	buf_init(&packed, 8192);
	if (question->phase != SMTP_PHASE_RCPT) {
		trace.from = question->detail;
		recipient.address = STR("");
	}
	if (trace_recipient_print(&packed, &recipient))
		trace.recipients_count = 1;
	trace.recipients = buf_str(&packed);
	journal_refused(keeper, &trace, str_of(address), str_of(reply));
	buf_done(&packed);
}

void admit_refused(struct keeper *keeper, struct visitor *visitor, const struct way_back *way,
		   const struct ask_refused *question)
{
	struct ask_answer answer = { .code = question->code, .enhanced = question->enhanced, .text = question->text };
	struct attempt *attempt;
	char event_id[16];
	uint64_t count;

	if (question->phase == SMTP_PHASE_AUTH) {
		attempt = attempt_new(keeper, visitor, way, STR(""), question->ehlo, question->tls_version, question->tls_cipher);
		if (attempt && arena_keep(&attempt->arena, answer.enhanced, &answer.enhanced) &&
		    arena_keep(&attempt->arena, answer.text, &answer.text)) {
			keeper->admit->counts.refused++;
			attempt_finish(attempt, &protocol_fault, &answer);
			return;
		}
	}
	keeper_event_id(keeper, event_id, &count);
	answer.event_id = str_of(event_id);
	if (question->phase != SMTP_PHASE_AUTH)
		refused_message(keeper, visitor, question, event_id, &answer);
	gates_answer(keeper->gates, way, &answer, -1);
}

/* --- life --- */

struct admit *admit_new(struct keeper *keeper)
{
	const struct limits *limits = &keeper->settings->limits;
	struct admit *admit = calloc(1, sizeof(*admit));

	if (!admit)
		return NULL;
	admit->keeper = keeper;
	admit->throttle = throttle_new(&(struct throttle_options){
		.account_failures_max = (unsigned)limits->failures_account_max,
		.network_failures_max = (unsigned)limits->failures_network_max,
		.window_ms = limits->failures_window_seconds * 1000,
		.lock_ms = limits->lock_out_seconds * 1000,
		.entries_max = THROTTLE_ENTRIES_MAX,
	});
	admit->verified = verified_new((size_t)limits->verified_entries_max, limits->verified_seconds_max * 1000);
	if (admit->throttle && admit->verified)
		return admit;
	admit_free(admit);
	return NULL;
}

void admit_free(struct admit *admit)
{
	if (!admit)
		return;
	if (admit->throttle)
		throttle_free(admit->throttle);
	if (admit->verified)
		verified_free(admit->verified);
	table_done(&admit->hashing);
	free(admit);
}

void admit_forget(struct admit *admit, struct str address, bool forgive)
{
	verified_forget(admit->verified, address);
	if (forgive)
		throttle_forget(admit->throttle, address);
}

void admit_counts(const struct admit *admit, struct admit_counts *ret_counts)
{
	*ret_counts = admit->counts;
	ret_counts->verified = verified_count(admit->verified);
}
