#include "courier/token_fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "courier/proof.h"
#include "courier/token_trouble.h"
#include "wire/text.h"

#define LIFETIME_S_MAX 86400 /* whatever the endpoint says: a secret is asked for again within a day */
#define MAILBOX_BYTES_MAX 320
#define WAIT_S_MAX 3600
#define NOT_FOUND 404
#define GONE 410

struct token_fetch {
	struct http *http;
	const struct grant *grant;
	const struct limits *limits;
	struct grant_ask ask;     /* upstream NULL: orphaned */
	struct buf secrets;        /* what was sent: no log may show it if it comes back */
	char mailbox[MAILBOX_BYTES_MAX];
	char name[128];
	char vault_name[GRANT_VAULT_NAME_MAX];
	void (*on_end)(void *context, struct token_result *result);
	void *context;
};

static enum outcome send_request(struct token_fetch *fetch, struct fault *fault);

static void fetch_free(struct token_fetch *fetch)
{
	buf_wipe(&fetch->secrets);
	free(fetch);
}

static void end(struct token_fetch *fetch, struct token_result *result)
{
	if (fetch->ask.upstream)
		fetch->on_end(fetch->context, result);
	else if (result->value) {
		explicit_bzero(result->value, strlen(result->value));
		free(result->value);
	}
	fetch_free(fetch);
}

static uint64_t lifetime_of(const struct oauth_answer *given)
{
	int64_t left_s = given->expires_on_s - clock_real_us() / 1000000;
	uint64_t lifetime_s = given->expires_in_s;

	if (lifetime_s == 0 && given->expires_on_s)
		lifetime_s = left_s > 0 ? (uint64_t)left_s : 0;
	return lifetime_s < LIFETIME_S_MAX ? lifetime_s : LIFETIME_S_MAX;
}

/* First to the disk, then to use: the endpoint may have dropped the old one already. */
static void keep_refresh_token(const struct token_fetch *fetch, const struct oauth_answer *given)
{
	struct fault fault;

	if (!fetch->grant->keeps_refresh_token || !given->refresh_token)
		return;
	if (grant_user_keep(fetch->ask.vault, str_of(fetch->vault_name), &fetch->secrets, str_of(given->refresh_token), &fault) != OUTCOME_OK)
		log_event(LOG_LEVEL_ERROR, "refresh token not on disk", LOG_TEXT("upstream", fetch->name),
			  LOG_TEXT("reason", fault.text[LANGUAGE_EN]));
}

/* Refused: once more with the other credential, if there is one. */
static bool try_other(struct token_fetch *fetch, const struct oauth_answer *given, struct token_result *result)
{
	const char *refused = fetch->ask.upstream ? proof_name(&fetch->ask) : "";

	if (!fetch->ask.upstream || !fetch->grant->other || !fetch->grant->other(&fetch->ask, given))
		return false;
	log_event(LOG_LEVEL_WARNING, "credential refused, trying the other", LOG_TEXT("upstream", fetch->name), LOG_TEXT("refused", refused),
		  LOG_TEXT("trying", fetch->ask.earlier_token ? "the earlier refresh token" : proof_name(&fetch->ask)),
		  LOG_TEXT("error", given->error), LOG_NUMBER("aadsts", given->aadsts));
	return send_request(fetch, &result->fault) == OUTCOME_OK;
}

static void on_answer(void *context, const struct http_answer *answer)
{
	struct token_fetch *fetch = context;
	struct token_result result = { 0 };
	struct oauth_answer given = { 0 };
	bool known;

	if (answer->outcome != OUTCOME_OK) {
		result.fault = answer->fault;
		result.passing = true;
		end(fetch, &result);
		return;
	}
	known = oauth_answer_parse(answer->status, answer->body, &given);
	endpoint_hide(&fetch->secrets, &given);
	if (known && given.good) {
		keep_refresh_token(fetch, &given);
		if (fetch->ask.tried)
			log_event(LOG_LEVEL_WARNING, "the other credential works", LOG_TEXT("upstream", fetch->name),
				  LOG_TEXT("works", fetch->ask.earlier_token ? "the earlier refresh token" : proof_name(&fetch->ask)));
		result.value = given.token;
		given.token = NULL;
		result.lifetime_s = lifetime_of(&given);
		result.next_secret = fetch->ask.next_secret;
	} else if (try_other(fetch, &given, &result)) {
		oauth_answer_done(&given);
		return;
	} else {
		/* Microsoft, managed identities, "Retry guidance": 404 and 410 pass by themselves. */
		result.passing = given.passing ||
				 (fetch->grant->make == grant_managed_make && (answer->status == NOT_FOUND || answer->status == GONE));
		result.wait_ms = answer->retry_after_s > 0 ? (uint64_t)(answer->retry_after_s < WAIT_S_MAX ? answer->retry_after_s : WAIT_S_MAX) * 1000 : 0;
		(void)token_trouble(fetch->name, fetch->grant, answer->status, &given, &result.fault);
	}
	oauth_answer_done(&given);
	end(fetch, &result);
}

static enum outcome send_request(struct token_fetch *fetch, struct fault *fault)
{
	const struct upstream_settings *upstream = fetch->ask.upstream;
	struct endpoint_request request;
	enum outcome outcome = OUTCOME_OK;

	if (!endpoint_request_begin(&request, upstream->token_url ? upstream->token_url : ""))
		outcome = fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	if (outcome == OUTCOME_OK)
		outcome = fetch->grant->make(&fetch->ask, &request, fault);
	if (outcome == OUTCOME_OK)
		outcome = endpoint_send(fetch->http, upstream, fetch->limits, &request, on_answer, fetch, fault);
	buf_wipe(&fetch->secrets);
	if (outcome == OUTCOME_OK) {
		fetch->secrets = request.secrets;
		request.secrets = (struct buf){ 0 };
	}
	endpoint_request_done(&request);
	return outcome;
}

enum outcome token_fetch_start(const struct token_fetch_request *request, void (*on_end)(void *context, struct token_result *result),
			       void *context, struct token_fetch **ret_fetch, struct fault *fault)
{
	struct token_fetch *fetch = calloc(1, sizeof(*fetch));
	enum outcome outcome;

	if (!fetch)
		return fault_set(fault, OUTCOME_LATER, N_("out of memory for a token"));
	fetch->http = request->http;
	fetch->limits = request->limits;
	fetch->grant = grant_of(request->upstream);
	fetch->on_end = on_end;
	fetch->context = context;
	(void)str_copy(text_cut(str_of(request->upstream->name), sizeof(fetch->name) - 1), sizeof(fetch->name), fetch->name);
	(void)str_copy(request->mailbox, sizeof(fetch->mailbox), fetch->mailbox);
	(void)grant_vault_name(request->upstream, sizeof(fetch->vault_name), fetch->vault_name);
	fetch->ask = (struct grant_ask){
		.upstream = request->upstream,
		.mailbox = str_of(fetch->mailbox),
		.vault = request->vault,
		.next_secret = request->next_secret,
	};
	outcome = send_request(fetch, fault);
	if (outcome == OUTCOME_OK)
		*ret_fetch = fetch;
	else
		fetch_free(fetch);
	return outcome;
}

void token_fetch_orphan(struct token_fetch *fetch)
{
	fetch->ask.upstream = NULL;
}
