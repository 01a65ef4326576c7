/* notice_mail: what waits to be mailed, in one mail of this gateway's own to the administrators: committed to the spool like any other,
 * so that it leaves when the upstream takes it; marked in the ledger right after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "domain/event_id.h"
#include "keep/ledger_notice.h"
#include "keeper/dispatch.h"
#include "keeper/notice_private.h"
#include "wire/mail.h"
#include "wire/smtp_param.h"

#define MAIL_BYTES_MAX (16u << 20)
#define TEXT_BYTES_MAX (4u << 20)
#define MAIL_DAYS 2
#define AGAIN_MS 60000
#define MARK_BYTES_MAX 2048

/* One mail, from its making to the mark in the ledger. */
struct sending {
	struct round *round;
	struct arena arena;
	struct spool_message message;
	struct spool_recipient recipients[ISSUER_AUDIENCES_MAX];
	struct str to[ISSUER_AUDIENCES_MAX];
	size_t to_count;
	struct notice_write *write;
	struct buf body;
	char event_id[16];
};

static void sending_free(struct sending *sending)
{
	struct round *round = sending->round;

	buf_done(&sending->body);
	arena_free_all(&sending->arena);
	free(sending->write);
	free(sending);
	notice_done(round);
}

/* --- to the ledger --- */

static void run_mark(struct worker_job *job)
{
	struct notice_write *write = (struct notice_write *)job;

	write->outcome = ledger_notices_mailed(write->round->notices->keeper->ledger, write->ids, write->ids_count, write->mailed_us,
					       &write->fault);
}

static void on_marked(struct worker_job *job)
{
	struct notice_write *write = (struct notice_write *)job;

	if (write->outcome != OUTCOME_OK) /* it is mailed once more, with the same mark */
		log_event(LOG_LEVEL_ERROR, "notice mailed, not marked", LOG_TEXT("reason", write->fault.text[LANGUAGE_EN]));
	notice_done(write->round);
	free(write);
}

/* Takes `write` over. */
static void mark(struct notice_write *write, int64_t mailed_us)
{
	struct round *round = write->round;

	if (round->test) {
		free(write);
		return;
	}
	write->job = (struct worker_job){ .run = run_mark, .done = on_marked };
	write->mailed_us = mailed_us;
	round->under_way++;
	if (worker_add(round->notices->keeper->scribe, &write->job))
		return;
	write->outcome = fault_set(&write->fault, OUTCOME_LATER, N_("too many questions wait for the ledger; try again"));
	on_marked(&write->job);
}

/* --- to the spool --- */

static void on_committed(void *context, enum outcome outcome, const struct fault *fault)
{
	struct sending *sending = context;
	struct round *round = sending->round;
	struct notices *notices = round->notices;
	struct notice_write *write = sending->write;

	sending->write = NULL;
	if (outcome == OUTCOME_OK) {
		log_event(LOG_LEVEL_INFO, "notices mailed", LOG_TEXT("id", sending->event_id), LOG_NUMBER("notices", write->ids_count),
			  LOG_STR("to", sending->to[0]));
		mark(write, clock_real_us());
		if (!notices->keeper->stopping) /* else the next start finds it */
			dispatch_committed(notices->keeper->dispatch, &sending->message);
	} else {
		log_event(LOG_LEVEL_ERROR, "notices not mailed",
			  LOG_TEXT("reason", fault ? fault->text[LANGUAGE_EN] : "too much waits for the disk"));
		notices->mail_again_ms = clock_monotonic_ms() + AGAIN_MS;
		free(write);
	}
	for (size_t i = 0; i < sending->to_count; i++)
		notice_tell(round, "mail", sending->to[i], outcome == OUTCOME_OK ? "queued" : "failed",
			    outcome == OUTCOME_OK ? sending->event_id : fault ? fault->text[round->call ? round->call->language : LANGUAGE_EN] : "");
	sending_free(sending);
}

/* --- its words --- */

static bool add_notice(struct buf *text, const struct notice *notice, enum language language)
{
	char created[CLOCK_RFC3339_MAX];

	clock_rfc3339_print(notice->created_us, created);
	return notice_title(notice, language, text) && buf_add(text, STR("\n\n")) && notice_text(notice, language, text) &&
	       buf_add(text, STR("\n\n")) &&
	       buf_add_format(text, say(language, N_("Notice %.*s of %.19sZ. Seen to: sekisho notices ack %.*s")), STR_ARG(notice->id), created,
			      STR_ARG(notice->id)) &&
	       buf_add(text, STR("\n\n"));
}

static bool words_print(const struct sending *sending, const struct notice *const *chosen, size_t count, struct buf *subject, struct buf *text)
{
	const struct round *round = sending->round;
	enum language language = round->language;

	if (!buf_add(subject, STR("[Sekisho] ")))
		return false;
	if (!notice_title(chosen[0], language, subject) ||
	    (count > 1 && !buf_add_format(subject, say(language, N_(" (and %zu more)")), count - 1)))
		return false;
	for (size_t i = 0; i < count; i++) {
		if ((i > 0 && !buf_add(text, STR("----------------------------------------\n\n"))) || !add_notice(text, chosen[i], language))
			return false;
	}
	return round->report.len == 0 ||
	       (buf_add(text, str_of(say(language, N_("Attached: who sent by SMTP AUTH in the last 30 days.")))) && buf_add_byte(text, '\n'));
}

static bool mail_compose(struct sending *sending, const struct notice *const *chosen, size_t count, const char *from)
{
	const struct round *round = sending->round;
	const struct keeper *keeper = round->notices->keeper;
	struct mail_file report = { STR("smtp-auth-clients.csv"), "text/csv; charset=utf-8", buf_str(&round->report) };
	char boundary[40], message_id[512], mark_text[MARK_BYTES_MAX];
	struct buf subject, text;
	size_t len = 0;
	bool good;

	for (size_t i = 0; i < count && len + EVENT_ID_LEN + 2 < sizeof(mark_text); i++)
		len += (size_t)snprintf(mark_text + len, sizeof(mark_text) - len, "%s%.*s", i ? " " : "", STR_ARG(chosen[i]->id));
	(void)snprintf(boundary, sizeof(boundary), "=_sekisho_%08x%08x", random_below(UINT32_MAX), random_below(UINT32_MAX));
	(void)snprintf(message_id, sizeof(message_id), "%s@%.*s", sending->event_id, STR_ARG(keeper->boot.hostname));
	buf_init(&subject, 4096);
	buf_init(&text, TEXT_BYTES_MAX);
	good = words_print(sending, chosen, count, &subject, &text) &&
	       mail_print(&sending->body, &(struct mail){
						  .from = str_of(from), .to = sending->to, .to_count = sending->to_count,
						  .subject = buf_str(&subject), .message_id = str_of(message_id), .mark = { mark_text, len },
						  .now_us = clock_real_us(), .text = buf_str(&text), .files = &report,
						  .files_count = round->report.len > 0, .boundary = str_of(boundary),
					  }) &&
	       arena_keep(&sending->arena, buf_str(&subject), &sending->message.subject) &&
	       arena_keep(&sending->arena, str_of(message_id), &sending->message.message_id);
	buf_done(&subject);
	buf_done(&text);
	return good;
}

static void address(struct sending *sending, const char *from, const struct upstream_settings *upstream)
{
	struct spool_message *message = &sending->message;
	XXH128_hash_t hash = XXH3_128bits(sending->body.ptr, sending->body.len);

	message->event_id = str_of(sending->event_id);
	message->sender = str_of(from);
	message->route = str_of(upstream->name);
	message->mailbox = settings_mailbox(upstream, STR(""), str_of(from));
	message->received_us = clock_real_us();
	message->due_us = message->received_us;
	message->expires_us = message->received_us + MAIL_DAYS * 86400ll * 1000000;
	message->is_dsn = SPOOL_NOTICE;
	message->utf8 = !str_is_ascii(buf_str(&sending->body));
	message->body_8bit = message->utf8;
	message->size_bytes = sending->body.len;
	XXH128_canonicalFromHash((XXH128_canonical_t *)message->checksum, hash);
	message->body = buf_str(&sending->body);
	message->recipients = sending->recipients;
	message->recipients_count = sending->to_count;
	for (size_t i = 0; i < sending->to_count; i++)
		sending->recipients[i] = (struct spool_recipient){ .address = sending->to[i], .notify = SMTP_NOTIFY_NEVER };
}

/* What outlives the settings and the round is copied. */
static struct sending *sending_new(struct round *round, const struct notice *const *chosen, size_t count)
{
	const struct settings *settings = round->notices->keeper->settings;
	struct sending *sending = calloc(1, sizeof(*sending));
	const char *to;
	bool good = sending != NULL;

	if (!sending)
		return NULL;
	round->under_way++;
	sending->round = round;
	arena_init(&sending->arena, MAIL_BYTES_MAX);
	buf_init(&sending->body, MAIL_BYTES_MAX);
	sending->write = calloc(1, sizeof(*sending->write));
	for (size_t i = 0; good && (to = settings_notices_to(settings, i)); i++)
		good = arena_keep(&sending->arena, str_of(to), &sending->to[sending->to_count++]);
	if (good && sending->write) {
		sending->write->round = round;
		for (size_t i = 0; i < count; i++)
			sending->write->ids[sending->write->ids_count++] = chosen[i]->id; /* as long as the round */
		keeper_event_id(round->notices->keeper, sending->event_id, &sending->message.id);
		return sending;
	}
	sending_free(sending);
	return NULL;
}

static void mail(struct round *round, const struct notice *const *chosen, size_t count, const char *from,
		 const struct upstream_settings *upstream)
{
	struct sending *sending = sending_new(round, chosen, count);
	struct str kept_from;

	if (!sending)
		return; /* out of memory: the next look tries again */
	if (!arena_keep(&sending->arena, str_of(from), &kept_from) || !mail_compose(sending, chosen, count, kept_from.ptr)) {
		on_committed(sending, OUTCOME_LATER, NULL);
		return;
	}
	address(sending, kept_from.ptr, upstream);
	if (!spool_commit(round->notices->keeper->spool, &sending->message, on_committed, sending))
		on_committed(sending, OUTCOME_LATER, NULL);
}

/* Nobody is to get them by mail. */
static void pass_over(struct round *round, const struct notice *const *chosen, size_t count)
{
	struct notice_write *write = round->only[0] ? NULL : calloc(1, sizeof(*write));

	if (!write)
		return;
	write->round = round;
	for (size_t i = 0; i < count; i++)
		write->ids[write->ids_count++] = chosen[i]->id;
	mark(write, NOTICE_NEVER);
}

/* The gravest first: it is what the subject says. */
static int compare(const void *left, const void *right)
{
	const struct notice *a = *(const struct notice *const *)left;
	const struct notice *b = *(const struct notice *const *)right;

	if (a->severity != b->severity)
		return a->severity < b->severity ? 1 : -1;
	return (a->created_us > b->created_us) - (a->created_us < b->created_us);
}

void notice_mail_send(struct round *round)
{
	const struct settings *settings = round->notices->keeper->settings;
	const char *from = settings_notices_from(settings);
	const char *to = settings_notices_to(settings, 0);
	const struct upstream_settings *upstream = from ? settings_notices_upstream(settings) : NULL;
	const struct notice *chosen[NOTICE_LIST_MAX];
	size_t count = 0;

	for (size_t i = 0; i < round->waiting->count; i++) {
		if (round->waiting->items[i].mailed_us == 0 || round->only[0])
			chosen[count++] = &round->waiting->items[i];
	}
	if (count == 0)
		return;
	qsort(chosen, count, sizeof(const struct notice *), compare);
	if (!to || !from || !upstream) {
		pass_over(round, chosen, count);
		if (to)
			notice_tell(round, "mail", str_of(to), "failed",
				    say(round->call ? round->call->language : LANGUAGE_EN, N_("no upstream takes mail of the sender: set from and upstream under notices")));
		return;
	}
	if (notice_mail_is_due(round) && (round->call || clock_monotonic_ms() >= round->notices->mail_again_ms))
		mail(round, chosen, count, from, upstream);
}
