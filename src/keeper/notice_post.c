/* notice_post: each notice to the webhook, as JSON under a signature (docs/notices.md). Any 2xx is taken for received; all else is tried
 * again, later each time, also after a restart, for some days. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/utils.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/retry.h"
#include "keep/ledger_notice.h"
#include "keeper/notice_private.h"

#define TIMEOUT_MS 10000
#define ANSWER_BYTES_MAX (64u << 10)
#define SECRET_BYTES_MAX 4096
#define WAIT_FIRST_SECONDS 5
#define WAIT_SECONDS_MAX 3600
#define ASKED_SECONDS_MAX 86400 /* of Retry-After */
#define ATTEMPTS_MAX 80         /* about three days */
#define HEADER_MAX 128

/* --- to the ledger --- */

static void run_mark(struct worker_job *job)
{
	struct notice_write *write = (struct notice_write *)job;

	write->outcome = ledger_notice_posted(write->round->notices->keeper->ledger, &write->posted, &write->fault);
}

static void on_marked(struct worker_job *job)
{
	struct notice_write *write = (struct notice_write *)job;

	if (write->outcome != OUTCOME_OK) /* it is posted once more, with the same id */
		log_event(LOG_LEVEL_ERROR, "notice posted, not marked", LOG_TEXT("reason", write->fault.text[LANGUAGE_EN]));
	notice_done(write->round);
	free(write);
}

/* Takes `write` over, which counts as under way. */
static void mark(struct notice_write *write)
{
	struct round *round = write->round;

	write->posted.trouble = str_of(write->trouble);
	write->job = (struct worker_job){ .run = run_mark, .done = on_marked };
	if (!round->test && worker_add(round->notices->keeper->scribe, &write->job))
		return;
	notice_done(round);
	free(write);
}

/* --- the answer --- */

static const char *host_of(const char *url, char ret_host[256])
{
	struct str rest = str_of(url);
	size_t scheme = str_find(rest, ':');

	rest = str_skip(rest, scheme + 3);
	if (!str_copy(str_cut(&rest, '/'), 256, ret_host)) /* not its path: some services keep a secret there */
		ret_host[0] = '\0';
	return ret_host;
}

static void failed(struct notice_write *write, long retry_after_s)
{
	struct notice *notice = &write->posted;
	uint64_t wait_ms;

	if (notice->post_attempts < UINT32_MAX)
		notice->post_attempts++;
	wait_ms = retry_wait_ms(notice->post_attempts, WAIT_FIRST_SECONDS, WAIT_SECONDS_MAX, random_below(UINT32_MAX));
	if (retry_after_s > ASKED_SECONDS_MAX)
		retry_after_s = ASKED_SECONDS_MAX;
	if (retry_after_s > 0 && wait_ms < (uint64_t)retry_after_s * 1000)
		wait_ms = (uint64_t)retry_after_s * 1000;
	notice->post_due_us = clock_real_us() + (int64_t)wait_ms * 1000;
	if (notice->post_attempts >= ATTEMPTS_MAX)
		notice->posted_us = NOTICE_NEVER;
	log_event(notice->posted_us == NOTICE_NEVER ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "notice not posted", LOG_STR("id", notice->id),
		  LOG_TEXT("reason", write->trouble), LOG_NUMBER("attempts", notice->post_attempts),
		  LOG_NUMBER("again_ms", notice->posted_us == NOTICE_NEVER ? 0 : wait_ms));
}

static void on_answer(void *context, const struct http_answer *answer)
{
	struct notice_write *write = context;
	struct round *round = write->round;
	const char *url = round->notices->keeper->settings->notices.webhook;
	char host[256];
	bool good = answer->outcome == OUTCOME_OK && answer->status >= 200 && answer->status < 300;

	write->trouble[0] = '\0';
	if (answer->outcome != OUTCOME_OK)
		(void)str_copy(str_of(answer->fault.text[LANGUAGE_EN]), sizeof(write->trouble), write->trouble);
	else if (!good)
		(void)snprintf(write->trouble, sizeof(write->trouble), "HTTP %u", answer->status);
	if (good) {
		write->posted.posted_us = clock_real_us();
		write->posted.post_attempts++;
		log_event(LOG_LEVEL_INFO, "notice posted", LOG_STR("id", write->posted.id), LOG_NUMBER("status", answer->status));
	} else if (!round->test) {
		failed(write, answer->retry_after_s);
	}
	notice_tell(round, "webhook", str_of(host_of(url ? url : "", host)), good ? "posted" : "failed", good ? "" : write->trouble);
	mark(write);
}

/* --- the question --- */

/* HMAC-SHA256 over TIMESTAMP "." BODY. */
static enum outcome sign(const char *secret_file, const char *timestamp, struct str body, char ret_header[HEADER_MAX], struct fault *fault)
{
	struct buf secret = { 0 };
	crypto_auth_hmacsha256_state state;
	unsigned char sum[crypto_auth_hmacsha256_BYTES];
	char hex[2 * sizeof(sum) + 1];
	enum outcome outcome = file_load_secret(secret_file, SECRET_BYTES_MAX, &secret, fault);

	if (outcome == OUTCOME_OK) {
		(void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.ptr, secret.len);
		(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)timestamp, strlen(timestamp));
		(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
		(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
		(void)crypto_auth_hmacsha256_final(&state, sum);
		sodium_memzero(&state, sizeof(state));
		(void)snprintf(ret_header, HEADER_MAX, "X-Sekisho-Signature: sha256=%s", sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum)));
	}
	buf_wipe(&secret);
	return outcome;
}

static enum outcome ask(struct notice_write *write, struct str body, struct fault *fault)
{
	const struct keeper *keeper = write->round->notices->keeper;
	const struct notices_settings *settings = &keeper->settings->notices;
	char timestamp[24], timestamp_header[HEADER_MAX], signature[HEADER_MAX], id[HEADER_MAX];
	const char *const headers[] = { "Content-Type: application/json", timestamp_header, signature, id, "Expect:", NULL };
	struct http_request request = {
		.url = settings->webhook, .ca_file = settings->webhook_ca_file, .headers = headers, .body = body,
		.timeout_ms = TIMEOUT_MS, .answer_bytes_max = ANSWER_BYTES_MAX,
	};

	(void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(clock_real_us() / 1000000));
	(void)snprintf(timestamp_header, sizeof(timestamp_header), "X-Sekisho-Timestamp: %s", timestamp);
	(void)snprintf(id, sizeof(id), "X-Sekisho-Notice: %.*s", STR_ARG(write->posted.id));
	if (sign(settings->webhook_secret_file, timestamp, body, signature, fault) != OUTCOME_OK)
		return fault->outcome;
	return http_send(keeper->http, &request, on_answer, write, fault);
}

static void post(struct round *round, const struct notice *notice)
{
	struct notice_write *write = calloc(1, sizeof(*write));
	json_t *json = notice_json(notice, round->language);
	char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct http_answer nothing = { .outcome = OUTCOME_LATER, .retry_after_s = -1 };

	json_decref(json);
	if (!write || !body) { /* the next look tries again */
		free(write);
		free(body);
		return;
	}
	write->round = round;
	write->posted = *notice; /* its texts live as long as the round */
	round->under_way++;
	if (ask(write, str_of(body), &nothing.fault) != OUTCOME_OK)
		on_answer(write, &nothing);
	free(body);
}

/* Nobody is to get it so. */
static void pass_over(struct round *round, const struct notice *notice)
{
	struct notice_write *write = round->only[0] || round->test ? NULL : calloc(1, sizeof(*write));

	if (!write)
		return;
	write->round = round;
	write->posted = *notice;
	write->posted.posted_us = NOTICE_NEVER;
	round->under_way++;
	mark(write);
}

void notice_post_send(struct round *round)
{
	bool wanted = round->notices->keeper->settings->notices.webhook;

	for (size_t i = 0; i < round->waiting->count && round->posts < POSTS_A_ROUND_MAX; i++) {
		const struct notice *notice = &round->waiting->items[i];

		if (round->only[0] ? !wanted : notice->posted_us != 0)
			continue;
		if (wanted && !round->call && notice->post_due_us > clock_real_us())
			continue;
		round->posts++;
		if (wanted)
			post(round, notice);
		else
			pass_over(round, notice);
	}
}
