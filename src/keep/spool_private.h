/*
 * spool_private: what the files of the spool share. Nobody else includes it.
 *
 *   spool.c           open, close, and the way back: answers on the loop
 *   spool_ask.c       the public questions, each made into work or a read
 *   spool_work.c      one thing for the writer, copied into one block
 *   spool_envelope.c  what never changes of a message, packed and sealed
 *   spool_schema.c    connections, statements, versions
 *   spool_writer.c    the writer thread: groups, and what is true after a failed one
 *   spool_apply.c     each kind of work inside the transaction
 *   spool_room.c      free disk, ballast, checkpoints
 *   spool_reader.c    the reader thread        spool_query.c  each kind of read
 *   spool_body.c      body files               spool_orphan.c  those without a row
 */
#ifndef KEEP_SPOOL_PRIVATE_H
#define KEEP_SPOOL_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "keep/spool.h"
#include "sys/worker.h"

#define SPOOL_SCHEMA 2
#define SPOOL_PATH_MAX 4096
#define SPOOL_FOLDERS 256                    /* below bodies/ */
#define SPOOL_WAITING_ITEMS_MAX 65536        /* handed over and not answered */
#define SPOOL_WAITING_BYTES_MAX (256u << 20)
#define SPOOL_GROUP_ITEMS_MAX 1024           /* in one transaction */
#define SPOOL_GROUP_BYTES_MAX (8u << 20)
#define SPOOL_READS_MAX 65536
#define SPOOL_READ_BYTES_MAX (64u << 20)     /* of one answer */
#define SPOOL_RECIPIENTS_INLINE_MAX 2048     /* bytes; more lie apart, so that a new due time does not write them again */
#define SPOOL_RECIPIENTS_BYTES_MAX (64u << 20)
#define SPOOL_COUNT_BLOCK 100000             /* numbers reserved at a time */
#define SPOOL_BODY_JOBS_MAX 4096
#define SPOOL_SEAL_BYTES 8

/* Also the last_reply of what was set aside. */
#define SPOOL_DAMAGED N_("the stored message is damaged (its checksum does not fit); it was set aside and is not sent")

/* --- connections (spool_schema.c) --- */

enum spool_statement {
	SQL_BEGIN,
	SQL_BEGIN_READ,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SAVEPOINT,
	SQL_SAVEPOINT_RELEASE,
	SQL_SAVEPOINT_ROLLBACK,
	SQL_TALLY_GET,
	SQL_TALLY_SET,
	SQL_MESSAGE_ADD,
	SQL_MESSAGE_GET,
	SQL_MESSAGE_CHANGE,
	SQL_MESSAGES_RETRY,
	SQL_ROUTE_RETRY,
	SQL_MESSAGE_REMOVE,
	SQL_MESSAGE_OLDEST,
	SQL_BODY_ADD,
	SQL_BODY_GET,
	SQL_BODY_RECIPIENTS,
	SQL_BODY_REMOVE,
	SQL_BODY_FILE_OWNER,
	SQL_BODY_FILE_OWNER_ROW,
	SQL_RESULT_PUT,
	SQL_RESULT_GET,
	SQL_RESULT_REMOVE,
	SQL_OUTBOX_ADD,
	SQL_OUTBOX_GET,
	SQL_OUTBOX_REMOVE,
	SQL_LANE_NEXT_ACCOUNT,
	SQL_LANE_NEXT_MAILBOX,
	SQL_LANE_NEXT_ROUTE,
	SQL_WAITING,
	SQL_LANE_SAME_DUE,
	SQL_LANE_LATER_DUE,
	SQL_NOTE_PUT,
	SQL_NOTE_REMOVE,
	SQL_NOTES_GET,
	SQL_LIST,
	SQL_FREE_PAGES,
	SQL_COUNT
};

struct spool_connection {
	sqlite3 *db; /* NULL: closed */
	sqlite3_stmt *statements[SQL_COUNT];
	bool synchronous_full;
};

/* Columns of SQL_MESSAGE_GET, SQL_LANE_…_DUE and SQL_LIST. */
enum {
	COLUMN_ID,
	COLUMN_ROUTE,
	COLUMN_MAILBOX,
	COLUMN_DUE,
	COLUMN_STATE,
	COLUMN_ATTEMPTS,
	COLUMN_DELAY_TOLD,
	COLUMN_DONE_COUNT,
	COLUMN_LAST_REPLY,
	COLUMN_NOTE,
	COLUMN_ENVELOPE
};

/* `path` must exist for a second connection; the first one makes or migrates. */
enum outcome spool_connection_open(struct spool_connection *connection, const char *path, bool reader,
				   struct fault *fault);
void spool_connection_close(struct spool_connection *connection);

/* Prepared once, reset. NULL: sqlite3_errcode says why. */
sqlite3_stmt *spool_statement(struct spool_connection *connection, enum spool_statement which);

/* Run one that gives no row, its parameters bound. SQLITE_OK, or a code; reset in any case. */
int spool_statement_run(sqlite3_stmt *statement);
int spool_run(struct spool_connection *connection, enum spool_statement which); /* without parameters */

/* Borrowed until the statement is reset; an empty str is bound as an empty value, not as NULL. */
void spool_bind_text(sqlite3_stmt *statement, int at, struct str text);
void spool_bind_blob(sqlite3_stmt *statement, int at, struct str bytes);
struct str spool_column(sqlite3_stmt *statement, int at);

enum spool_trouble {
	SPOOL_FINE,
	SPOOL_ITEM_BAD, /* this statement will not do; the transaction stands */
	SPOOL_FULL,     /* no room on the disk */
	SPOOL_BROKEN    /* the disk, memory, another's lock: nothing more with this connection */
};
enum spool_trouble spool_trouble_of(struct spool_connection *connection, int code);

/* LATER (or NEVER for what is no spool at all) with SQLite's words and, when there is one, the system's. */
enum outcome spool_fault(struct spool_connection *connection, int code, const char *path, struct fault *fault);

/* --- what never changes of a message (spool_envelope.c) --- */

/* Into `out` (cleared first). *ret_recipients is empty when they fit into the envelope. False: too large. */
bool spool_envelope_print(struct buf *out, const struct spool_message *message, struct str *ret_envelope,
			  struct str *ret_recipients) __attribute__((warn_unused_result));

/* `ret_message` has id, route and mailbox set; all that the envelope holds is filled in, borrowed. *ret_recipients are packed.
 * `apart` is what lies in body.recipients. False: damaged (the seal does not fit the bytes). */
bool spool_envelope_parse(struct str envelope, struct str apart, struct spool_message *ret_message,
			  struct str *ret_recipients) __attribute__((warn_unused_result));

bool spool_recipient_next(struct str *packed, struct spool_recipient *ret_recipient);

/* A row of COLUMN_…, borrowed until the statement moves; its envelope, and what lies apart of it, from where they are. False: damaged; what could be read is there all the same. */
bool spool_row_read(sqlite3_stmt *row, struct str envelope, struct str apart, struct spool_message *ret_message,
		    uint64_t *ret_done_count, struct str *ret_recipients);

/* Whether its recipients lie apart: known without the seal. */
bool spool_envelope_is_apart(struct str envelope);

/* --- work for the writer (spool_work.c) --- */

enum spool_work_kind {
	WORK_MESSAGE,
	WORK_FATE,
	WORK_HAND,
	WORK_SIGN_IN,
	WORK_TRACE,
	WORK_FORGET,
	WORK_NOTE,
	WORK_RESERVE,
	WORK_SET_ASIDE, /* hold a message that is damaged, with the reason */
	WORK_UNDO,      /* take out a message that was answered LATER while nobody could look */
	WORK_KIND_COUNT
};

struct spool_packed { /* a message, ready to be bound */
	uint64_t id;
	int64_t due_us;
	uint64_t size_bytes;
	uint64_t body_file;
	uint32_t attempts;
	uint8_t state, delay_told;
	struct str route, mailbox, account, last_reply, note, envelope, recipients, body;
	unsigned char checksum[SPOOL_CHECKSUM_BYTES];
};

struct spool_result { /* what became of one recipient */
	uint32_t number;
	uint8_t state;
	int64_t at_us;
	struct str reply, upstream;
};

struct spool_work {
	struct spool_work *next;
	enum spool_work_kind kind;
	uint64_t id; /* message; FORGET: up to; RESERVE: up to */
	void (*on_done)(void *context, enum outcome outcome, const struct fault *fault);
	void *context;
	size_t bytes;            /* of this block: counts against the ceilings */
	enum outcome outcome;
	struct fault *fault;     /* owned; NULL with OUTCOME_OK, or when memory is short */
	bool answered;           /* the group has no more to do with it */
	bool has_body_file;      /* FATE */
	bool wrote;              /* something of it is in the transaction */
	uint64_t gone_file;      /* out: this body file has no row any more */

	struct spool_packed message; /* MESSAGE; FATE: the DSN */
	bool has_message;

	uint8_t state, delay_told; /* FATE */
	bool finished;
	int64_t due_us;
	uint32_t attempts;
	struct str last_reply, note; /* also SET_ASIDE; NOTE: its name; HAND of 0: note is the route, empty: all */
	struct spool_result *results; /* by number */
	size_t results_count;

	enum spool_hand hand; /* HAND */
	struct str packed;    /* SIGN_IN, TRACE; NOTE: its text */
};

/* NULL: out of memory, or more than a row may hold. */
struct spool_work *spool_work_message(struct buf *scratch, const struct spool_message *message);
struct spool_work *spool_work_fate(struct buf *scratch, const struct spool_fate *fate);
struct spool_work *spool_work_row(enum spool_work_kind kind, struct str packed);
struct spool_work *spool_work_note(struct str name, struct str text);
struct spool_work *spool_work_plain(enum spool_work_kind kind, uint64_t id, struct str last_reply);
void spool_work_free(struct spool_work *work);

/* Note the answer, once. */
void spool_work_answer(struct spool_work *work, enum outcome outcome, const struct fault *fault);

/* --- the writer (spool_writer.c, spool_apply.c, spool_room.c) --- */

struct spool_tally { /* the one row of `tally`: written with each transaction */
	uint64_t group;    /* which one this was: after a failed COMMIT it tells whether that one is there */
	uint64_t messages[SPOOL_STATE_COUNT];
	uint64_t bytes;
	uint64_t outbox_rows;
	uint64_t outbox_next;
	uint64_t reserved; /* numbers below are taken */
};

struct spool_list_of_work {
	struct spool_work *first, *last;
};

struct spool_writer { /* the writer thread's own */
	struct spool_connection connection;
	struct spool_tally tally; /* as committed */
	struct spool_tally next;  /* as the transaction stands */
	struct buf recipients, trace;
	struct fault trouble;     /* why the last group failed */
	struct spool_work *undo;  /* to do first when the disk is back */
	uint64_t reopened_ms;     /* when that was last tried */
	int64_t oldest_us;
	bool oldest_stale;
	bool full;                /* the disk took no more: new messages are refused */
	uint64_t full_ms;         /* when that was so, or last tried */
	bool ballast;             /* is there */
	bool room_low;            /* less than disk_free_bytes_min */
	uint64_t room_ms;         /* when the disk was last asked */
	uint64_t free_pages_bytes; /* inside spool.db */
	int wal_pages;
	int checkpoint_pages;     /* next try at */
	uint64_t chores_ms;       /* when they were last done */
};

void *spool_writer_main(void *spool);
bool spool_tally_load(struct spool_writer *writer, struct spool_tally *ret_tally);
int spool_tally_save(struct spool_writer *writer);
void spool_writer_counts(const struct spool_writer *writer, struct spool_counts *ret_counts);

/* One piece of work inside the transaction. A code other than SQLITE_OK: trouble; a refusal that leaves the transaction as
 * it was is noted in the work itself. */
int spool_apply(struct spool *spool, struct spool_work *work);
int spool_writer_code(struct spool *spool); /* why the last call failed */
int spool_run_with_id(struct spool *spool, enum spool_statement which, uint64_t id);
int spool_outbox_add(struct spool *spool, enum spool_row_kind kind, struct str packed);
bool spool_work_needs_sync(const struct spool_work *work);
bool spool_work_is_patient(const struct spool_work *work);
bool spool_work_is_message(const struct spool_work *work);

/* --- a message that is in the spool, and its leaving (spool_leave.c) --- */

struct spool_found {
	sqlite3_stmt *row; /* NULL: none of this number */
	struct spool_message message; /* borrowed from the row, without its recipients */
	struct str recipients;        /* packed */
	uint64_t done_count;
};
void spool_leave_init(struct spool_writer *writer);
int spool_find(struct spool *spool, uint64_t id, struct spool_found *ret_found);
void spool_found_done(struct spool *spool, struct spool_found *found);
/* Its rows go; work->gone_file says which body file may follow once this is committed. */
int spool_remove(struct spool *spool, struct spool_work *work, const struct spool_found *found);
/* Likewise, and its trace goes into the outbox: each recipient as the work says, else as an earlier fate said, else `otherwise`. */
int spool_leave(struct spool *spool, struct spool_work *work, const struct spool_found *found,
		const struct trace_recipient *otherwise);

/* --- the disk (spool_room.c) --- */

/* Is there room for new messages? Asks the disk at most every so often. */
bool spool_room_for_messages(struct spool *spool, struct fault *fault);
void spool_room_give_up(struct spool *spool);  /* the ballast, after SPOOL_FULL */
bool spool_room_for_rows(struct spool *spool, struct fault *fault); /* of sign-ins: half the ballast stays for the fates of mail */
void spool_room_keep(struct spool *spool);     /* ballast made again, when there is room */
void spool_room_watch(struct spool_writer *writer); /* a new connection: how long its log is */
void spool_room_checkpoint(struct spool *spool, bool idle);
uint64_t spool_room_free_bytes(int state_fd);

/* --- the reader (spool_reader.c, spool_query.c) --- */

enum spool_read_kind { READ_LANES, READ_WAITING, READ_HEADS, READ_BODY, READ_VIEWS, READ_ROWS };

struct spool_read {
	struct spool_read *next;
	enum spool_read_kind kind;
	void *context;
	union {
		void (*on_lanes)(void *context, const struct spool_lane *lanes, size_t count, bool whole);
		void (*on_waiting)(void *context, const struct spool_waiting *waiting, size_t count);
		void (*on_heads)(void *context, const struct spool_head *heads, size_t count, bool whole);
		void (*on_body)(void *context, enum outcome outcome, const struct spool_body *body, const struct fault *fault);
		void (*on_views)(void *context, const struct spool_view *views, size_t count);
		void (*on_rows)(void *context, const struct spool_row *rows, size_t count);
	};
	struct spool_lane lane; /* in the arena */
	int64_t after_due_us;
	uint64_t id, before_id;
	size_t count_max;

	struct arena arena; /* holds the answer */
	void *answer;
	size_t count, room;
	bool cut_short;       /* no more fits into the answer */
	struct spool *spool;  /* for on_set_aside */
	bool body_damaged;    /* told when its message is set aside */
	uint64_t *damaged;    /* other messages that are, in the arena */
	size_t damaged_count;
	struct spool_body body;
	uint64_t body_file;
	unsigned char checksum[SPOOL_CHECKSUM_BYTES];
	enum outcome outcome;
	struct fault *fault;
};

void *spool_reader_main(void *spool);
int spool_query(struct spool *spool, struct spool_read *read); /* an SQLite code */
void spool_read_free(struct spool_read *read);

/* --- body files (spool_body.c, spool_orphan.c) --- */

/* Checks and syncs on a worker, then hands the work to the writer. False: too many wait. */
bool spool_body_commit(struct spool *spool, struct spool_work *work);
/* Opens and checks on a worker, then answers. */
bool spool_body_open(struct spool *spool, struct spool_read *read);
bool spool_body_folders_make(struct spool *spool);
#define SPOOL_BODY_NAME_MAX 32
void spool_body_name(uint64_t body_file, char ret_name[SPOOL_BODY_NAME_MAX]);
/* Remove what has no row in one folder; the reader calls it when it has nothing else to do. */
void spool_orphans_remove(struct spool *spool, unsigned folder);

/* --- all of it --- */

struct spool {
	struct loop *loop;
	uv_async_t answers;
	unsigned handles;  /* of the loop, that are not closed yet */
	uv_prepare_t turn; /* each turn's end: what it brought goes over */
	char path[SPOOL_PATH_MAX];     /* STATE/spool.db */
	char state[SPOOL_PATH_MAX];
	int state_fd, bodies_fd, lock_fd;
	uint64_t disk_free_bytes_min, ballast_bytes;
	uint64_t count_first; /* body files below were made before this start */
	struct worker_pool *workers;
	bool closing; /* on the loop: nothing new */

	/* the loop's own */
	struct buf scratch;
	struct spool_list_of_work work_new; /* of this turn */
	struct spool_read *reads_new, **reads_new_end;
	size_t urgent_new;
	size_t waiting_items, waiting_bytes, waiting_reads;
	uint64_t count_next, count_end;
	bool reserving;
	struct spool_counts counts;
	uint64_t room_inside_bytes;
	bool full;
	uint64_t room_bytes, room_asked_ms; /* what the disk said, and when */

	pthread_mutex_t mutex; /* guards what follows, up to the next blank line */
	pthread_cond_t work_came, read_came;
	struct spool_list_of_work work, done;
	struct spool_read *reads, **reads_end, *reads_done, **reads_done_end;
	struct spool_counts counts_now;
	uint64_t room_inside_now;
	bool full_now;
	bool writer_stop, reader_stop;
	size_t urgent;           /* of the work that waits: somebody outside waits for it */
	bool writer_sleeps, reader_sleeps;

	pthread_mutex_t reading; /* held while the reader's connection is in use: the writer closes both after a failure */
	struct spool_connection reader;
	unsigned orphan_folder;  /* the reader's: next to look at */

	pthread_t writer_thread, reader_thread;
	struct spool_writer writer;
};

void spool_work_add(struct spool *spool, struct spool_work *work); /* loop: to the writer */
void spool_work_done(struct spool *spool, struct spool_work *work); /* loop: tell and free */
void spool_list_append(struct spool_list_of_work *list, struct spool_work *work);
void spool_list_join(struct spool_list_of_work *list, struct spool_list_of_work *more); /* `more` is empty then */
void spool_set_aside(struct spool *spool, uint64_t id, /* loop: as damaged; on_done may be NULL */
		     void (*on_done)(void *context, enum outcome outcome, const struct fault *fault), void *context);
bool spool_read_add(struct spool *spool, struct spool_read *read);
void spool_read_tell(struct spool_read *read);
void spool_read_done(struct spool *spool, struct spool_read *read); /* loop: tell and free */

#endif
