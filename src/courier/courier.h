/*
 * courier: carries one message at a time to an upstream and says what became of each recipient. It takes a job
 * (envelope, body, upstream, mailbox) and gives back a fate; it knows neither spool nor ledger, and so can move into a
 * process of its own.
 *
 *   courier.c   jobs, free slots                  budget.c  connections, messages a minute, recipients a day for a mailbox
 *   carrier.c   a row a kind of upstream          token.c   one request per identity at a time, cached, refreshed early
 *   smtp*.c     pooled connections                hold.c    senders that are refused again and again wait (senders.c: all of them)
 *   failure.c   what each reply means: nobody else decides this
 *   credentials.c  when secrets and certificates of applications end
 */
#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H

#include "base/fault.h"
#include "courier/login.h"
#include "courier/token.h"
#include "domain/settings.h"
#include "sys/http.h"
#include "sys/loop.h"

struct courier;

struct courier_recipient {
	struct str address;
	unsigned notify; /* enum smtp_notify bits */
	struct str orcpt;
};

struct courier_job {
	uint64_t id;
	struct str event_id, message_id; /* for the log line */
	struct str sender;               /* "" : <> */
	struct str account;              /* `mailbox: same` was resolved by the caller: see mailbox */
	struct str upstream;             /* by name in the settings */
	struct str mailbox;              /* whose identity signs in upstream */
	bool body_8bit, utf8;
	unsigned ret;                    /* enum smtp_ret */
	struct str envid;
	int64_t received_us;
	const struct courier_recipient *recipients;
	size_t recipients_count;
	struct str body;                 /* small: the bytes, CRLF lines, unstuffed … */
	int body_fd;                     /* … or an open file (stays the caller's), -1 when in `body` */
	uint64_t size_bytes;
};

enum courier_end { COURIER_DELIVERED, COURIER_LATER, COURIER_NEVER };

struct courier_recipient_fate {
	enum courier_end end;
	struct str reply;     /* the server's words, "550 5.1.1 …" whole, or our own sentence (English) */
	struct str status;    /* "5.1.1"; made of the code when the server gave none */
	bool remote;          /* reply is a server's */
};

struct courier_fate {
	const struct courier_recipient_fate *recipients; /* in the job's order */
	bool ambiguous;       /* cut between the final dot and the reply: it may have arrived */
	bool dsn_passed;      /* the server offers DSN: NOTIFY, ORCPT, RET and ENVID went with the message */
	bool nothing_tried;   /* no connection, no token, paused: counts no attempt against the recipient's patience */
	uint64_t retry_after_ms; /* asked for by upstream or by a pause; 0: the caller's own back-off */
	struct str remote_mta;
	struct str note;       /* a word for the trace's note: what was done to the message on its way; empty: none */
	const char *other_way; /* NEVER, but by another upstream it may go: the cause, as in `explain`; NULL: it is no use */
};

/* A sender whose mail is held back, after a row of permanent errors of one kind. */
struct courier_hold {
	struct str upstream, mailbox, sender; /* sender "": <> */
	const char *cause;       /* short id, as failure.h has it */
	struct str reply;        /* the upstream's, to the last that it refused; "" when it is not known */
	int64_t since_us;
	int64_t until_us;        /* then the next message is tried */
};

struct courier_handler {
	/* Once for each accepted job, at the earliest before courier_take returns; everything borrowed for the call. */
	void (*on_fate)(void *context, uint64_t id, const struct courier_fate *fate);
	/* A slot for (upstream, mailbox) is free again, or a pause is over: offer more. */
	void (*on_room)(void *context, struct str upstream, struct str mailbox);
	/* What a mailbox with a share a minute or a day has sent, as text for courier_spent_before after a restart. */
	void (*on_spent)(void *context, struct str upstream, struct str mailbox, struct str text);
	/* A sender is held from now on, or longer, as text for courier_held_before after a restart; "": no more. False: it cannot be kept now,
	 * and comes again. */
	bool (*on_hold)(void *context, struct str upstream, struct str mailbox, struct str sender, struct str text);
};

/* `settings` is borrowed until courier_settings gives newer ones or courier_free. */
struct courier *courier_new(struct loop *loop, struct http *http, const struct settings *settings,
			    const struct courier_handler *handler, void *context, struct fault *fault);
/* New connections follow the new settings; those under way finish; connections of an older generation carry nothing new. */
enum outcome courier_settings(struct courier *courier, const struct settings *settings, struct fault *fault);

/* True: accepted, the job is copied but for body and fd, which stay valid until on_fate. False: no slot now for its (upstream, mailbox):
 * on_room comes. */
bool courier_take(struct courier *courier, const struct courier_job *job) __attribute__((warn_unused_result));
/* Would courier_take accept a message to so many recipients now? False: on_room comes. So that no body is loaded in vain. */
bool courier_has_room(struct courier *courier, struct str upstream, struct str mailbox, size_t recipients);
/* Pauses are over: an administrator wants it tried now. */
void courier_resume(struct courier *courier);
/* What was told by on_spent, so many ms ago: before the first courier_take. */
void courier_spent_before(struct courier *courier, struct str upstream, struct str mailbox, struct str text, uint64_t later_ms);
/* For how long nothing was delivered, while it is paused; 0: not paused, or just now. */
uint64_t courier_troubled_ms(struct courier *courier, struct str upstream, struct str mailbox);
/* How long mail of this sender is held back, after a row of permanent errors of one kind, which *ret_cause names. 0: it is not. */
uint64_t courier_hold_ms(struct courier *courier, struct str upstream, struct str mailbox, struct str sender, const char **ret_cause);
void courier_release(struct courier *courier, struct str sender); /* wherever it is held */
/* What was told by on_hold: before the first courier_take. False: it holds nobody any more (its upstream is gone, or it is no such text). */
bool courier_held_before(struct courier *courier, struct str upstream, struct str mailbox, struct str sender, struct str text);
/* Every sender that is held; borrowed for the call. */
void courier_holds_each(const struct courier *courier, void (*each)(void *context, const struct courier_hold *hold), void *context);
size_t courier_holds(const struct courier *courier);           /* how many there are */
uint64_t courier_holds_changes(const struct courier *courier); /* rises whenever one begins, deepens or ends */
/* Does mail of this (upstream, mailbox) wait for a pause to end? */
bool courier_is_paused(struct courier *courier, struct str upstream, struct str mailbox);
size_t courier_active(const struct courier *courier);

/* Finish what is under way within `ms`, QUIT idle connections, take nothing new; then on_idle. */
void courier_drain(struct courier *courier, uint64_t ms, void (*on_idle)(void *context), void *context);
void courier_free(struct courier *courier);

/* The token that mail of this mailbox would go with, now or later; for whoever wants to see what it holds. NEVER at once: no such upstream, or it needs none. */
enum outcome courier_token(struct courier *courier, struct str upstream, struct str mailbox,
			   void (*on_token)(void *context, enum outcome outcome, const struct token *token, const struct fault *fault), void *context,
			   struct fault *fault);
/* A person signs in: see login.h. After one that succeeds the upstream's pauses are over. */
enum outcome courier_login(struct courier *courier, struct str upstream, struct str redirect_url, const struct login_handler *handler, void *context,
			   struct fault *fault);
enum outcome courier_login_redirected(struct courier *courier, struct str upstream, struct str text, struct fault *fault);
/* When the sign-in of a person was last renewed, in microseconds since 1970. 0: nobody has signed in there. */
int64_t courier_signed_in_us(struct courier *courier, struct str upstream);
void courier_login_cancel(struct courier *courier, void *context);

/* When what an upstream's application signs in with ends, as Microsoft Graph tells (credentials.h), since 1970. 0: it does not tell. */
struct courier_ends {
	int64_t secret_us, secret_next_us, certificate_us;
};
bool courier_ends(struct courier *courier, struct str upstream, struct courier_ends *ret_ends); /* false: it is not asked */

/* For status, health, metrics and `upstream show`: one row an upstream (and mailbox in use). */
struct courier_status {
	struct str upstream, mailbox;
	size_t connections, active;
	uint64_t connections_max, messages_per_minute_max, recipients_per_day_max; /* 0: no limit */
	uint64_t messages, recipients; /* of the last minute, of the last day; with those under way */
	int64_t paused_until_us; /* 0: not */
	struct str trouble;      /* last connection-level trouble, "" when none */
	int64_t token_expires_us;/* 0: none */
	uint64_t delivered, failed, deferred;
};
void courier_each(const struct courier *courier, void (*each)(void *context, const struct courier_status *status), void *context);

#endif
