/* probe_private: what probe*.c share. */
#ifndef COURIER_PROBE_PRIVATE_H
#define COURIER_PROBE_PRIVATE_H

#include "courier/courier_private.h"
#include "courier/probe.h"
#include "sys/tls_inspect.h"

#define PROBE_ADDRESSES_MAX 8
#define PROBE_TEXT_MAX 1024

struct probe {
	struct courier *courier;
	struct probe *next;             /* of the courier's */
	struct arena arena;
	struct probe_options options;   /* copied */
	const struct probe_handler *handler;
	void *context;
	const struct upstream_settings *settings;
	enum probe_state worst;
	bool untested;                  /* it could not be tried to the end */
	bool may_send;                  /* the token at hand says so */
	unsigned readings;              /* of the credentials' dates, before the step */
	bool over;                      /* on_end is told, or nobody listens */

	size_t step;                    /* in the table of probe.c */
	uint64_t since_ms;              /* when it began */
	uv_timer_t timer;               /* the end of the step under way */
	void (*on_time)(struct probe *probe);
	unsigned holders;               /* timer, lookup, stream: each points in here until it is closed */

	uv_getaddrinfo_t lookup;
	bool looking_up;
	char addresses[PROBE_ADDRESSES_MAX][64];
	size_t addresses_count, address_at;

	size_t sender_at;               /* the sender under trial */
	size_t mailbox_first;           /* the first sender of the mailbox that is signed in for */
	unsigned sign_ins_failed;
	struct mailbox *mailbox;        /* whose slot is taken; NULL: none */
	bool spending;                  /* a message of its budget is under way */

	struct stream stream;
	bool stream_open, stream_closing;
	void (*after_close)(struct probe *probe); /* what follows once the stream is closed */
	SSL_CTX *tls;
	struct tls_inspection inspection;
	struct smtp_client client;
	bool client_made;
	bool listening;                 /* the step under way takes what the server says */
	bool ready;                     /* READY or MESSAGE_DONE came, and the rest of the input is to be read first */
	const struct failure_verdict *verdict; /* of what came then; NULL: it was good */
	struct smtp_client_message message;
	struct smtp_client_recipient recipient;
	struct buf body;
	char reply[PROBE_TEXT_MAX];     /* the server's last words, on one line */
	char text[PROBE_TEXT_MAX];
};

/* What was found, for the step's row. */
void probe_say(struct probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));
void probe_say_more(struct probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The step under way has ended: its row is told, and the next begins; after probe_fail everything ends. `meaning` NULL: the remedy's. */
void probe_ok(struct probe *probe);
void probe_warn(struct probe *probe, const char *cause);
void probe_fail(struct probe *probe, const char *cause, const char *meaning);
/* A row of the step under way, which goes on. */
void probe_tell(struct probe *probe, enum probe_state state, const char *cause, const char *meaning);
/* The next step begins, without a row. */
void probe_go_on(struct probe *probe);
/* All senders of this mailbox are tried: the next mailbox, or the end. */
void probe_next_mailbox(struct probe *probe);
void probe_end(struct probe *probe);

void probe_wait(struct probe *probe, uint64_t ms, void (*on_time)(struct probe *probe));
const char *probe_step_name(const struct probe *probe);
void probe_let_go(struct probe *probe); /* one holder less */

/* probe_before.c */
void probe_begin_folder(struct probe *probe);
void probe_begin_dns(struct probe *probe);
void probe_begin_proxy(struct probe *probe);
void probe_begin_token(struct probe *probe);
/* probe_dates.c */
void probe_begin_dates(struct probe *probe);
const char *probe_proxy(void); /* for HTTPS, of the environment; NULL: none */

/* probe_graph.c */
void probe_begin_graph(struct probe *probe);
void probe_begin_graph_send(struct probe *probe);

/* probe_smtp.c, probe_talk.c */
bool probe_write_message(struct probe *probe); /* into `body`. False: out of memory */
void probe_begin_tcp(struct probe *probe);
void probe_begin_greeting(struct probe *probe);
void probe_begin_tls(struct probe *probe);
void probe_begin_ehlo(struct probe *probe);
void probe_begin_auth(struct probe *probe);
void probe_begin_mail(struct probe *probe);
void probe_begin_send(struct probe *probe);
/* Say goodbye and close; `after` once it is closed (may be NULL). At once where nothing is open. */
void probe_hang_up(struct probe *probe, void (*after)(struct probe *probe));
void probe_pump(struct probe *probe);                              /* what the client wants to say leaves */
void probe_expect_words(struct probe *probe);                      /* within the deadline, or the step fails */
void probe_on_event(struct probe *probe, const struct smtp_client_event *event);
void probe_on_ready(struct probe *probe);                          /* the server has nothing more to say */
const struct probe_sender *probe_sender(const struct probe *probe); /* under trial; NULL: none is known */

#endif
