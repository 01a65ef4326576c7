/*
 * spool: messages that were answered 250 and are not yet delivered, and the outbox of rows on their way to the ledger.
 * SQLite, WAL. One writer thread commits all waiting work at once (group commit): synchronous=FULL when a message or fate is
 * among it, NORMAL when only sign-in rows are. One reader thread loads. Small bodies lie in a table of their own, large ones
 * in files below bodies/; both carry an XXH3-128. Every answer comes on the loop, in the order of the work.
 *
 *   STATE/spool.db   STATE/bodies/NN/ID   STATE/ballast   STATE/lock
 */
#ifndef KEEP_SPOOL_H
#define KEEP_SPOOL_H

#include "base/fault.h"
#include "base/str.h"
#include "domain/trace.h"
#include "sys/loop.h"

#define SPOOL_CHECKSUM_BYTES 16

enum spool_state { SPOOL_READY, SPOOL_DEFERRED, SPOOL_HELD, SPOOL_STATE_COUNT };

/* Whose message: somebody's, or one of this gateway's own. */
enum spool_own { SPOOL_NOT_OURS, SPOOL_DSN, SPOOL_NOTICE };

struct spool;

struct spool_options {
	const char *state;            /* folder; locked; a second daemon gets OUTCOME_LATER */
	uint64_t disk_free_bytes_min; /* below: no new messages (LATER), fates still go through */
	uint64_t ballast_bytes;       /* kept in STATE/ballast, given up when the disk is full so that fates can be written */
	unsigned sync_workers;
};

/* Opens, migrates or refuses (newer schema: NEVER), removes body files without a row in the background; the time it takes does not
 * depend on how much is queued. */
enum outcome spool_open(struct loop *loop, const struct spool_options *options, struct spool **ret_spool, struct fault *fault);
void spool_close(struct spool *spool); /* writes all that waits first; callbacks are still called */

/* Next number for event IDs and body files: blocks of it are reserved on disk, so that none is ever given twice. */
uint64_t spool_count_next(struct spool *spool);

struct spool_recipient {
	struct str address;
	uint8_t notify;      /* enum smtp_notify bits */
	struct str orcpt;
};

struct spool_message { /* in and out; borrowed */
	uint64_t id;             /* = the count in its event ID; out only where the caller does not choose */
	struct str event_id;
	struct str account, tenant; /* who signed in; "" for a DSN of ours */
	struct str sender;       /* "" : <> */
	struct str subject, message_id;
	struct str route;        /* upstream's name */
	struct str mailbox;      /* whose OAuth identity carries it */
	int64_t received_us;
	int64_t expires_us;
	int64_t due_us;
	uint64_t size_bytes;     /* of the message, CRLF, unstuffed, with our trace header */
	uint8_t state;           /* enum spool_state */
	uint8_t body_8bit, utf8;
	uint8_t ret;             /* enum smtp_ret */
	struct str envid;
	uint8_t is_dsn;          /* enum spool_own: what is ours never gives rise to another */
	uint8_t delay_told;      /* a delayed DSN has gone out */
	uint32_t attempts;
	struct str last_reply;
	struct str note;
	unsigned char checksum[SPOOL_CHECKSUM_BYTES];
	struct str body;         /* small: the bytes; large: empty and body_file says its number */
	uint64_t body_file;      /* 0: none */
	const struct spool_recipient *recipients;
	size_t recipients_count;
};

/*
 * Make it durable. The body file, if any, is checked (length, checksum) and synced on a worker, then its folder, then the
 * row. `on_done` OK: it is on disk. LATER: full disk, I/O error …, and nothing of it is there. Everything is copied.
 * False (at once): too much waits already.
 */
bool spool_commit(struct spool *spool, const struct spool_message *message,
		  void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
	__attribute__((warn_unused_result));

/* The XXH3-128 of a whole body as spool_message carries it (canonical, big-endian); for those who do not hash as they go. */
void spool_checksum(struct str bytes, unsigned char ret_checksum[SPOOL_CHECKSUM_BYTES]);

/* A new file for a large body: its number and a write-only descriptor (the caller's to close). Files that are never committed
 * are removed by spool_body_forget or at the next start. */
enum outcome spool_body_create(struct spool *spool, uint64_t *ret_body_file, int *ret_fd, struct fault *fault);
void spool_body_forget(struct spool *spool, uint64_t body_file);

enum spool_row_kind { SPOOL_ROW_SIGN_IN, SPOOL_ROW_TRACE };

/* Put a packed row into the outbox; kill-safe at on_done (which may be NULL). */
bool spool_row_add(struct spool *spool, enum spool_row_kind kind, struct str packed,
		   void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
	__attribute__((warn_unused_result));

/* What became of one attempt: all in one transaction. */
struct spool_fate {
	uint64_t id;
	uint8_t state;                    /* when some recipients stay: READY, DEFERRED, HELD */
	int64_t due_us;
	uint32_t attempts;
	uint8_t delay_told;
	struct str last_reply;
	struct str note;
	const uint32_t *done;             /* indexes (in the order of the commit) of recipients that are finished now */
	const struct trace_recipient *done_as; /* and how, the same count: kept until the whole message is finished */
	size_t done_count;
	bool has_body_file;               /* its body lies in a file, which may not go before the row is surely gone */
	bool finished;                    /* none stays: the message goes, its body too, and its trace goes to the outbox */
	const struct spool_message *dsn;  /* a new message to commit with it; NULL: none */
};
bool spool_settle(struct spool *spool, const struct spool_fate *fate,
		  void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context)
	__attribute__((warn_unused_result));

/* --- reading: on the reader thread, answers on the loop --- */

/* The lanes (route, mailbox, account) that hold live messages, behind `after` in order, at most `count_max`; each with its earliest due
 * time. Not whole: it could not be read to the end (memory, the disk), and there may be others. Cost: one index step a lane. */
struct spool_lane {
	struct str route, mailbox, account;
	int64_t due_us; /* out only */
};
void spool_lanes(struct spool *spool, const struct spool_lane *after, size_t count_max,
		 void (*on_lanes)(void *context, const struct spool_lane *lanes, size_t count, bool whole), void *context);

/* How many messages wait for a route, by mailbox; held ones do not. Cost: one index step a message, so for a person's question only. */
struct spool_waiting {
	struct str mailbox;
	uint64_t count;
};
void spool_waiting(struct spool *spool, struct str route,
		   void (*on_waiting)(void *context, const struct spool_waiting *waiting, size_t count), void *context);

/* Messages of a lane that are not held, by due time, after (due_us, id), at most `count_max`; with their unfinished recipients but
 * without bodies. `recipients[i]` keep their original index in `indexes[i]`. Not whole: as above, or no more fits into one answer. */
struct spool_head {
	struct spool_message message;
	const uint32_t *indexes;
};
void spool_lane_load(struct spool *spool, const struct spool_lane *lane, int64_t after_due_us, uint64_t after_id,
		     size_t count_max,
		     void (*on_heads)(void *context, const struct spool_head *heads, size_t count, bool whole), void *context);

/* A body: small ones whole and checked, large ones as an open read descriptor (the callee's to close) whose checksum was verified on a
 * worker. OUTCOME_NEVER: the checksum is wrong: the message is set aside (HELD) and told; it must not be sent. */
struct spool_body {
	struct str bytes;
	int fd;             /* -1: in bytes */
	uint64_t size_bytes;
};
void spool_body_load(struct spool *spool, uint64_t id,
		     void (*on_body)(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault),
		     void *context);

/* For queue list/show and trace of live messages: newest first, at most count_max, only `id` when not 0; with all recipients, finished
 * ones included as trace_recipient. */
struct spool_view {
	struct spool_message message;
	const struct trace_recipient *recipients;
	size_t recipients_count;
};
void spool_list(struct spool *spool, uint64_t id, uint64_t before_id, size_t count_max,
		void (*on_views)(void *context, const struct spool_view *views, size_t count), void *context);

/* How many live messages, by state, and the oldest's received_us; kept up to date in memory, free to ask. */
struct spool_counts {
	uint64_t messages[SPOOL_STATE_COUNT];
	uint64_t bytes;
	int64_t oldest_us;   /* 0: none; may lag a little */
	uint64_t outbox_rows;
};
void spool_counts(const struct spool *spool, struct spool_counts *ret_counts);
bool spool_has_room(struct spool *spool, uint64_t bytes); /* disk-free-bytes-min; for 452 4.3.1 at MAIL */

/* An administrator's hand: hold, release, retry now, drop. One transaction. false: too much waits. RETRY of 0: every deferred one. */
enum spool_hand { SPOOL_HAND_HOLD, SPOOL_HAND_RELEASE, SPOOL_HAND_RETRY, SPOOL_HAND_DROP };
bool spool_hand(struct spool *spool, uint64_t id, enum spool_hand hand,
		void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context);

/* RETRY for every deferred message of one route. */
bool spool_retry_route(struct spool *spool, struct str route, void (*on_done)(void *context, enum outcome outcome, const struct fault *fault),
		       void *context);

/* --- notes: small texts by name that outlive the process, such as what a mailbox has sent today --- */

/* Replaces the note; an empty text removes it. Kill-safe soon, and nobody is told. False: too much waits. */
bool spool_note(struct spool *spool, struct str name, struct str text);
/* All of them, at once, from a folder whose spool may be open: for the start. */
enum outcome spool_notes_read(const char *state, void (*each)(void *context, struct str name, int64_t at_us, struct str text),
			      void *context, struct fault *fault);

/* --- outbox → ledger, called by the keeper's mover --- */

/* Up to count_max rows, oldest first; then tell which are safe in the ledger. */
struct spool_row {
	uint64_t number;
	enum spool_row_kind kind;
	struct str packed;
};
void spool_rows_load(struct spool *spool, size_t count_max,
		     void (*on_rows)(void *context, const struct spool_row *rows, size_t count), void *context);
bool spool_rows_forget(struct spool *spool, uint64_t up_to_number,
		       void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context);

/* Without a daemon, read-only and at once: rows still in the outbox of STATE, for `signins` and `trace`. */
enum outcome spool_outbox_read(const char *state, bool (*each)(void *context, enum spool_row_kind kind, struct str packed),
			       void *context, struct fault *fault);

/* Likewise the queue, newest first. */
enum outcome spool_views_read(const char *state, bool (*each)(void *context, const struct spool_view *view), void *context,
			      struct fault *fault);

#endif
