#include "keeper/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "domain/event_id.h"
#include "keeper/await.h"
#include "keeper/dispatch.h"
#include "keeper/journal.h"
#include "wire/repair.h"

#define PENDING_BYTES_MAX (2u << 20)
#define SUBJECT_BYTES_MAX 512
#define MESSAGE_ID_BYTES_MAX 512
#define NOTE_BYTES_MAX 1024

/* A message on its way into the spool, with everything that it borrows. */
struct pending {
	struct keeper *keeper;
	struct way_back way;
	struct arena arena;
	struct spool_message message;
	struct spool_recipient *recipients;
	bool awaits; /* the answer waits for the upstream's word */
	char event_id[EVENT_ID_LEN + 1];
};

/* Why a message is not taken. To add a check: a row's worth of code in check(), and its words here. */
enum commit_refusal { COMMIT_FINE, COMMIT_NOT_SIGNED_IN, COMMIT_CHANGED, COMMIT_SENDER, COMMIT_SEND_AS, COMMIT_SIZE, COMMIT_RECIPIENTS,
		      COMMIT_ROUTE, COMMIT_BODY, COMMIT_MEMORY, COMMIT_NO_ROOM, COMMIT_LATER, COMMIT_REFUSAL_COUNT };

static const struct ask_answer refusals[COMMIT_REFUSAL_COUNT] = {
	[COMMIT_NOT_SIGNED_IN] = { .code = 530, .enhanced = { "5.7.57", 6 }, .text = { "Client not authenticated to send mail.", 38 } },
	[COMMIT_CHANGED] = { .code = 421, .enhanced = { "4.3.2", 5 }, .text = { "The account was changed, connect again", 38 } },
	[COMMIT_SENDER] = { .code = 550, .enhanced = { "5.7.60", 6 },
			    .text = { "SMTP; Client does not have permissions to send as this sender", 61 } },
	[COMMIT_SIZE] = { .code = 552, .enhanced = { "5.3.4", 5 }, .text = { "Message size exceeds fixed maximum message size", 47 } },
	[COMMIT_RECIPIENTS] = { .code = 452, .enhanced = { "4.5.3", 5 }, .text = { "Too many recipients", 19 } },
	[COMMIT_ROUTE] = { .code = 451, .enhanced = { "4.3.5", 5 }, .text = { "No upstream is set for this sender", 34 } },
	[COMMIT_BODY] = { .code = 451, .enhanced = { "4.3.0", 5 }, .text = { "The message did not arrive whole, try again later", 49 } },
	[COMMIT_MEMORY] = { .code = 452, .enhanced = { "4.3.1", 5 }, .text = { "Insufficient system resources", 29 } },
	[COMMIT_NO_ROOM] = { .code = 452, .enhanced = { "4.3.1", 5 }, .text = { "Insufficient system storage", 27 } },
	[COMMIT_LATER] = { .code = 451, .enhanced = { "4.3.0", 5 }, .text = { "Requested action aborted, try again later", 41 } },
};

static bool may_send(const struct account *account, struct str sender)
{
	return account_may_send_as(str_of(account->address), str_of(account->send_as), sender);
}

/* The gate has rewritten sender and From; another address here is of a session that signed in before it was set. */
static bool is_rewritten(struct str from_rewrite, const struct ask_commit *question)
{
	return str_eq_nocase(question->sender, from_rewrite) && str_eq_nocase(str_trim(question->header_from), from_rewrite);
}

/* The first mailbox of the header that the account may not send as; empty: all are fine. */
static struct str foreign_sender(const struct account *account, struct str header_from)
{
	while (header_from.len > 0) {
		struct str one = str_trim(str_cut(&header_from, '\n'));

		if (one.len > 0 && !may_send(account, one))
			return one;
	}
	return STR("");
}

static enum commit_refusal check(struct keeper *keeper, const struct visitor *visitor, const struct ask_commit *question,
				 const struct account *account, struct str *ret_foreign)
{
	const struct listener_settings *listener = &keeper->settings->listeners[visitor->listener];

	*ret_foreign = STR("");
	/* A trusted device counts as signed in. Whatever the listener asks for, nobody else sends: that would be an open relay. */
	if (!visitor->signed_in || !account || !account->enabled)
		return COMMIT_NOT_SIGNED_IN;
	if (str_of(account->from_rewrite).len > 0) {
		if (!is_rewritten(str_of(account->from_rewrite), question))
			return COMMIT_CHANGED;
	} else if (!may_send(account, question->sender)) {
		return COMMIT_SENDER;
	} else {
		*ret_foreign = foreign_sender(account, question->header_from);
		if (ret_foreign->len > 0)
			return COMMIT_SEND_AS;
	}
	/* Our own trace header comes on top of what the client was allowed. */
	if (listener->size_bytes_max && question->size_bytes > listener->size_bytes_max + 4096)
		return COMMIT_SIZE;
	if (question->body_file ? question->body_file != visitor->body_file : question->body.len != question->size_bytes)
		return COMMIT_BODY;
	if (!spool_has_room(keeper->spool, question->size_bytes))
		return COMMIT_NO_ROOM;
	return COMMIT_FINE;
}

/* --- the envelope --- */

static enum commit_refusal read_recipients(struct pending *pending, struct str packed, uint32_t count, size_t *at)
{
	for (uint32_t i = 0; i < count; i++) {
		struct spool_recipient *recipient = &pending->recipients[*at];
		struct ask_recipient given;

		if (!ask_recipient_next(&packed, &given))
			return COMMIT_BODY;
		if (!arena_keep(&pending->arena, given.address, &recipient->address) ||
		    !arena_keep(&pending->arena, given.orcpt, &recipient->orcpt))
			return COMMIT_MEMORY;
		recipient->notify = given.notify;
		(*at)++;
	}
	return packed.len == 0 ? COMMIT_FINE : COMMIT_BODY;
}

static enum commit_refusal fill_recipients(struct pending *pending, const struct visitor *visitor,
					   const struct ask_commit *question)
{
	uint64_t count = (uint64_t)visitor->recipients_count + question->count;
	enum commit_refusal refusal;
	size_t at = 0;

	if (visitor->recipients_lost || count == 0 || count > pending->keeper->settings->limits.recipients_max)
		return COMMIT_RECIPIENTS;
	pending->recipients = arena_take(&pending->arena, (size_t)count * sizeof(*pending->recipients));
	if (!pending->recipients)
		return COMMIT_MEMORY;
	refusal = read_recipients(pending, buf_str(&visitor->recipients), visitor->recipients_count, &at);
	if (refusal == COMMIT_FINE)
		refusal = read_recipients(pending, question->recipients, question->count, &at);
	pending->message.recipients = pending->recipients;
	pending->message.recipients_count = at;
	return refusal;
}

static struct str cut_to(struct str text, size_t bytes_max)
{
	return (struct str){ text.ptr, text.len < bytes_max ? text.len : bytes_max };
}

static enum commit_refusal fill_message(struct pending *pending, const struct visitor *visitor,
					const struct account *account, const struct ask_commit *question)
{
	struct keeper *keeper = pending->keeper;
	struct arena *arena = &pending->arena;
	struct spool_message *message = &pending->message;
	struct str account_name = str_of(account ? account->address : "");
	struct str tenant = str_of(account ? account->domain : "");
	const struct upstream_settings *upstream = settings_route(keeper->settings, tenant, question->sender, question->size_bytes);
	CLEANUP(cleanup_buf) struct buf note = { 0 };
	struct str mailbox;

	if (!upstream)
		return COMMIT_ROUTE;
	buf_init(&note, NOTE_BYTES_MAX);
	mailbox = settings_mailbox(upstream, account_name, question->sender);
	*message = (struct spool_message){
		.id = visitor->next_count,
		.event_id = str_of(pending->event_id),
		.received_us = keeper_now_us(keeper),
		.size_bytes = question->size_bytes,
		.state = SPOOL_READY,
		.body_8bit = question->body_8bit,
		.utf8 = question->utf8,
		.ret = question->ret,
		.body_file = question->body_file,
	};
	message->due_us = message->received_us;
	message->expires_us = message->received_us + (int64_t)keeper->settings->limits.expire_seconds * 1000000;
	memcpy(message->checksum, question->checksum, sizeof(message->checksum));
	if (!arena_keep(arena, question->sender, &message->sender) || !arena_keep(arena, question->envid, &message->envid) ||
	    !arena_keep(arena, account_name, &message->account) || !arena_keep(arena, tenant, &message->tenant) ||
	    !arena_keep(arena, cut_to(question->subject, SUBJECT_BYTES_MAX), &message->subject) ||
	    !arena_keep(arena, cut_to(question->message_id, MESSAGE_ID_BYTES_MAX), &message->message_id) ||
	    !arena_keep(arena, str_of(upstream->name), &message->route) || !arena_keep(arena, mailbox, &message->mailbox) ||
	    !arena_keep(arena, question->body_file ? STR("") : question->body, &message->body) ||
	    !repair_note_print(&note, question->repairs) || !arena_keep(arena, buf_str(&note), &message->note))
		return COMMIT_MEMORY;
	return fill_recipients(pending, visitor, question);
}

/* --- the answer --- */

static void pending_free(struct pending *pending)
{
	if (!pending)
		return;
	arena_free_all(&pending->arena);
	free(pending);
}

bool commit_answer(struct keeper *keeper, const struct way_back *way, struct ask_answer *answer, const char *event_id)
{
	struct visitor *visitor = gates_visitor(keeper->gates, way);
	char next_id[16];

	if (!visitor)
		return false;
	keeper_event_id(keeper, next_id, &visitor->next_count);
	answer->event_id = str_of(event_id);
	answer->next_id = str_of(next_id);
	gates_answer(keeper->gates, way, answer, -1);
	return true;
}

static void refuse(struct keeper *keeper, struct visitor *visitor, const struct way_back *way, const char *event_id,
		   const struct ask_answer *words, const struct ask_commit *question)
{
	struct ask_answer words_copy = *words;
	char address[JOURNAL_ADDRESS_MAX];
	char reply[768];
	struct trace_recipient recipient = { .state = TRACE_REFUSED, .at_us = keeper_now_us(keeper) };
	struct trace trace = {
		.id = str_of(event_id),
		.from = question->sender,
		.account = str_of(visitor->account),
		.message_id = cut_to(question->message_id, MESSAGE_ID_BYTES_MAX),
		.subject = cut_to(question->subject, SUBJECT_BYTES_MAX),
		.size_bytes = question->size_bytes,
		.received_us = recipient.at_us,
	};
	struct buf packed;

	journal_address_print(visitor->ip, address);
	(void)snprintf(reply, sizeof(reply), "%u %.*s %.*s [%s]", words->code, STR_ARG(words->enhanced),
		       STR_ARG(words->text), event_id);
	recipient.reply = str_of(reply);
	buf_init(&packed, 8192);
	if (trace_recipient_print(&packed, &recipient))
		trace.recipients_count = 1;
	trace.recipients = buf_str(&packed);
	journal_refused(keeper, &trace, str_of(address), str_of(reply));
	buf_done(&packed);
	(void)commit_answer(keeper, way, &words_copy, event_id);
}

static void on_spooled(void *context, enum outcome outcome, const struct fault *fault)
{
	struct pending *pending = context;
	struct keeper *keeper = pending->keeper;
	const struct spool_message *message = &pending->message;
	struct ask_answer good = { .good = true, .code = 250, .enhanced = STR("2.0.0"), .text = STR("OK queued") };
	struct ask_answer later = refusals[COMMIT_LATER];

	if (outcome == OUTCOME_OK) {
		if (!pending->awaits || !await_begin(keeper, &pending->way, message->id, pending->event_id))
			(void)commit_answer(keeper, &pending->way, &good, pending->event_id);
		log_event(LOG_LEVEL_INFO, "queued", LOG_TEXT("id", pending->event_id), LOG_STR("from", message->sender),
			  LOG_STR("account", message->account), LOG_NUMBER("recipients", message->recipients_count),
			  LOG_NUMBER("bytes", message->size_bytes), LOG_STR("message_id", message->message_id),
			  LOG_STR("route", message->route));
		dispatch_committed(keeper->dispatch, message);
	} else {
		if (!spool_has_room(keeper->spool, message->size_bytes))
			later = refusals[COMMIT_NO_ROOM];
		log_event(LOG_LEVEL_ERROR, "not queued", LOG_TEXT("id", pending->event_id), LOG_STR("from", message->sender),
			  LOG_TEXT("reason", fault ? fault->text[LANGUAGE_EN] : "too much waits for the disk"));
		(void)commit_answer(keeper, &pending->way, &later, pending->event_id);
	}
	pending_free(pending);
}

/* Exchange's own words for a From that is not the account's (facts: 5.2.252). */
static void send_as_words(const struct account *account, struct str foreign, char *ret_text, size_t size,
			  struct ask_answer *ret_words)
{
	(void)snprintf(ret_text, size,
		       "SendAsDenied; %s not allowed to send as %.*s; "
		       "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
		       account->address, foreign.len < 320 ? (int)foreign.len : 320, foreign.ptr);
	*ret_words = (struct ask_answer){ .code = 554, .enhanced = STR("5.2.252"), .text = str_of(ret_text) };
}

void commit_message(struct keeper *keeper, struct visitor *visitor, const struct way_back *way,
		    const struct ask_commit *question)
{
	const struct account *account = visitor->account ? directory_account(&keeper->directory, str_of(visitor->account)) : NULL;
	struct pending *pending = calloc(1, sizeof(*pending));
	struct ask_answer words;
	char text[1024];
	char event_id[EVENT_ID_LEN + 1];
	struct str foreign;
	enum commit_refusal refusal = check(keeper, visitor, question, account, &foreign);

	event_id_print(keeper->node, visitor->next_count, event_id);
	if (!pending)
		refusal = COMMIT_MEMORY;
	if (refusal == COMMIT_FINE) {
		pending->keeper = keeper;
		pending->way = *way;
		pending->awaits = account->answer_upstream;
		memcpy(pending->event_id, event_id, sizeof(pending->event_id));
		arena_init(&pending->arena, PENDING_BYTES_MAX);
		refusal = fill_message(pending, visitor, account, question);
	}
	if (refusal == COMMIT_FINE) {
		visitor->body_file = 0; /* the spool's from here on */
#ifdef SEKISHO_TEST_ACK_EARLY /* never in the product: the defect that tests/torture/test_kill.py must find */
		(void)commit_answer(keeper, way, &(struct ask_answer){ .good = true, .code = 250, .text = STR("OK queued") }, event_id);
#endif
		if (!spool_commit(keeper->spool, &pending->message, on_spooled, pending))
			on_spooled(pending, OUTCOME_LATER, NULL);
	} else {
		words = refusals[refusal];
		if (refusal == COMMIT_SEND_AS)
			send_as_words(account, foreign, text, sizeof(text), &words);
		pending_free(pending);
		refuse(keeper, visitor, way, event_id, &words, question);
	}
	/* Said once: the next message of this visitor names its own, also after a refusal. */
	gates_forget_transaction(visitor);
}
