/* courier_private: what courier.c, work.c, mailbox.c and the carriers share. */
#ifndef COURIER_COURIER_PRIVATE_H
#define COURIER_COURIER_PRIVATE_H

#include "base/arena.h"
#include "base/table.h"
#include "courier/budget.h"
#include "courier/courier.h"
#include "courier/credentials.h"
#include "courier/failure.h"
#include "courier/hold.h"
#include "courier/token.h"
#include "sys/stream.h"
#include "sys/tls.h"
#include "sys/worker.h"
#include "wire/smtp_client.h"

struct connection;
struct graph_call;
struct deposit;

/* An upstream of the settings in force. */
struct upstream {
	struct courier *courier;
	const struct upstream_settings *settings;
	SSL_CTX *tls;              /* NULL: tls none */
	uint64_t paused_until_ms;
	uint64_t troubled_ms;      /* since when nothing was delivered for its pauses; 0: all is well */
	struct credentials credentials;
	char trouble[512];
};

/* All mailboxes of one upstream name, over reloads: how much of what may be under way at once they have. */
struct line {
	char *name;
	size_t active;
};

/* One identity at one upstream: what is under way for it, and its budget. Kept over reloads. */
struct mailbox {
	struct courier *courier;
	struct line *line;
	char *key;                 /* "UPSTREAM\nADDRESS" */
	struct str upstream_name, address; /* within key */
	struct budget budget;
	struct connection *connections;  /* smtp.c's */
	struct graph_call *graph_calls;  /* graph.c's */
	struct deposit *deposits;        /* inbox_carrier.c's */
	size_t slots;              /* taken, of the upstream's connections-max: by connections, or requests under way */
	size_t active;
	uint64_t paused_until_ms, troubled_ms; /* as of an upstream */
	bool room_wanted;          /* somebody was turned away: on_room is owed */
	char trouble[512];
	uint64_t delivered, failed, deferred;
};

/* A message under way, copied from the caller's but for its body. */
struct work {
	struct courier_job job;
	struct arena arena;
	struct smtp_client_message message;
	struct courier_recipient_fate *fates; /* one a recipient */
	bool *settled;                        /* its fate is known */
	bool token_renewed, reconnected;      /* each is done once */
	enum failure_kind kind;               /* of a permanent error that it met; the carrier sets it */
};

struct courier {
	struct loop *loop;
	struct http *http;
	struct worker_pool *workers; /* for files */
	const struct settings *settings;
	uint64_t generation;       /* of settings: older connections take nothing new */
	struct vault *vault;
	struct token_store *tokens;
	struct login_desk *logins;
	struct credentials_desk *credentials;
	struct upstream *upstreams;
	size_t upstreams_count;
	struct table mailboxes;    /* by key */
	struct table lines;        /* by upstream name: all that ever were */
	size_t line_active_max;    /* a dead upstream takes no more than its share of what may be under way */
	struct table senders;      /* that had permanent errors of a kind; by key */
	uint64_t senders_look_ms;  /* none of them was idle: not before this is it worth to look */
	size_t senders_held;       /* of them */
	uint64_t senders_changes;
	bool senders_owed;         /* what became of some was not noted yet */
	struct probe *probes;      /* tests under way */
	const struct courier_handler *handler;
	void *context;
	uv_timer_t sweep;
	char hostname[256];
	size_t active;
	bool draining;
	uint64_t drain_until_ms;
	void (*on_idle)(void *context);
	void *on_idle_context;
};

enum connection_state { CONNECTION_OPENING, CONNECTION_BUSY, CONNECTION_IDLE, CONNECTION_CLOSING };

struct connection {
	struct stream stream;
	struct mailbox *mailbox;
	struct connection *next;   /* of the mailbox */
	uint64_t generation;       /* of the settings it was made with */
	uint64_t token_generation; /* of the token it signed in with */
	const struct upstream *upstream; /* NULL once the settings changed */
	struct smtp_client client;
	struct work *work;         /* NULL: idle */
	enum connection_state state;
	uint64_t since_ms;         /* for deadlines */
	uint64_t sent;             /* bytes of the body given so far */
	unsigned messages;         /* carried over it */
	bool waits_for_token, body_open, body_ended;
	bool ready;                /* for a message, once all that the server sent is read */
	char host[256], user[512]; /* kept: the settings may go */
};

/* mailbox.c */
struct mailbox *mailbox_for(struct courier *courier, struct str upstream, struct str address); /* NULL: out of memory */
struct mailbox *mailbox_find(struct courier *courier, struct str upstream, struct str address); /* NULL: never used */
void mailbox_free(struct mailbox *mailbox);
struct upstream *upstream_find(struct courier *courier, struct str name);
/* 0: a message to so many recipients may start now; else how long to wait. UINT64_MAX: until a connection is free. */
uint64_t mailbox_wait_ms(struct mailbox *mailbox, const struct upstream *upstream, size_t recipients);
void mailbox_give_room(struct mailbox *mailbox); /* tell the caller that it may offer more */
void mailbox_well(struct mailbox *mailbox); /* something was delivered */
void mailbox_pause(struct mailbox *mailbox, uint64_t pause_ms, struct str why);
void mailbox_pause_upstream(struct mailbox *mailbox, uint64_t pause_ms, struct str why);

/* smtp.c: takes `work` over. False: no connection could be begun; `work` stays the caller's. */
bool smtp_carry(struct mailbox *mailbox, struct upstream *upstream, struct work *work);
/* `host` and `hello` are borrowed as long as the client lives. */
void smtp_options(const struct upstream_settings *settings, struct str hello, const char *host, struct smtp_client_options *ret_options);
bool smtp_may_go_on(const struct connection *connection); /* carry one more message */

/* smtp_end.c: how a connection ends, and what that means for its work. */
void smtp_quit(struct connection *connection);   /* idle ones */
void smtp_abandon(struct connection *connection, const char *why);
void smtp_close(struct connection *connection);
void smtp_on_closed(struct stream *stream);
/* A reply, or the want of one (then `text` speaks), decides for every recipient that is still open. */
void smtp_decide(struct connection *connection, enum smtp_client_phase phase, const struct smtp_reply *reply, const char *text);
void smtp_lost(struct connection *connection, enum smtp_client_phase phase, const struct smtp_reply *reply, const char *text);
void smtp_finish(struct connection *connection, const struct failure_verdict *verdict, enum smtp_client_phase phase);
enum smtp_client_phase smtp_phase(const struct connection *connection);

/* courier_token.c: with what tokens are got and people sign in. False: out of memory. */
bool courier_tokens_open(struct courier *courier, const char *state);
void courier_tokens_close(struct courier *courier);
/* There is no token: who would use it waits for as long as no new try is made. */
void courier_pause_for_token(struct mailbox *mailbox, const struct fault *fault);
/* graph.c: "https://graph.microsoft.com/v1.0/users/MAILBOX", from graph-url with or without a version. False: no room. */
bool graph_url_print(const struct upstream_settings *settings, struct str mailbox, struct buf *out) __attribute__((warn_unused_result));
bool graph_root_print(const struct upstream_settings *settings, struct buf *out) __attribute__((warn_unused_result)); /* to the version */

/* probe.c: the settings go, or the gateway stops. */
void probes_abort(struct courier *courier);

/* courier.c: the fate is complete; frees the work. */
void courier_finish(struct mailbox *mailbox, struct work *work, struct courier_fate *fate);

/* senders.c */
void senders_begin(const struct mailbox *mailbox, struct work *work);
void senders_end(const struct mailbox *mailbox, struct work *work, bool taken);
void senders_release_all(struct courier *courier);
void senders_forget_gone(struct courier *courier); /* those of upstreams that are not in the settings any more */
void senders_note_owed(struct courier *courier);

/* work.c */
struct work *work_new(const struct courier_job *job); /* NULL: out of memory */
void work_free(struct work *work);
/* Every recipient not settled yet gets this end. `reply` NULL: `text` is our own sentence. */
void work_settle(struct work *work, enum courier_end end, const struct smtp_reply *reply, const char *text);
void work_settle_one(struct work *work, size_t index, enum courier_end end, const struct smtp_reply *reply, const char *text);

#endif
