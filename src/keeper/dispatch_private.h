/*
 * dispatch_private: what the files of dispatch share.
 *
 *   lane.c    what waits for one (route, mailbox, account): a window of the spool     item.c    one message of it in memory
 *   turns.c   whose turn it is among the lanes of one (route, mailbox)                way.c     by which upstreams it may go
 *   settle.c  what became of it goes to disk                                          bounce.c  and is told
 *   watch.c   somebody waits for the upstream's word                                  window.c  how much of each upstream's mail is in memory
 */
#ifndef KEEPER_DISPATCH_PRIVATE_H
#define KEEPER_DISPATCH_PRIVATE_H

#include "base/arena.h"
#include "base/table.h"
#include "keeper/dispatch.h"

#define LANE_ITEMS_MAX 64          /* waiting in memory for one lane; the rest stays in the spool */
#define KEPT_BODIES_BYTES_MAX (8u << 20)

struct lane;
struct turns;
struct share;
struct turn_tenant;

/* ITEM_WAITS → ITEM_LOADS (its body) → ITEM_AWAY (with the courier) → ITEM_SETTLES (its fate goes to disk) → gone, or ITEM_WAITS. */
enum item_state { ITEM_WAITS, ITEM_LOADS, ITEM_AWAY, ITEM_SETTLES };

struct item {
	struct dispatch *dispatch;
	struct lane *lane;
	struct item *next;           /* of the lane's waiting ones, by due time */
	enum item_state state;
	struct arena arena;          /* all that `message` borrows */
	struct spool_message message;
	uint32_t *indexes;           /* of its recipients, as at the commit */
	struct str body;             /* when kept or loaded into memory */
	char *body_bytes;            /* owned; NULL: none */
	int body_fd;                 /* -1: none */
	bool body_here;
	struct str way_upstream, way_mailbox; /* by which it goes just now */
	bool strays;                 /* it goes by another upstream than it was stored for */
	bool is_large;               /* counted in its turns */
	uint64_t unsent_wait_ms;     /* it does not go, and why … */
	struct str unsent;           /* … in our words; empty: it goes */
	struct spool_fate fate;      /* while it settles */
	struct spool_message bounce; /* its notification, committed with the fate */
	struct spool_recipient bounce_to;
	uint64_t settle_again_ms;    /* the disk said no: once more then */
};

struct lane {
	struct dispatch *dispatch;
	char *key;                   /* "ROUTE\nMAILBOX\nACCOUNT" */
	struct str route, mailbox, account;
	struct turns *turns;
	struct turn_tenant *tenant;  /* while it waits for its turn */
	struct lane *next_turn;
	struct item *first;          /* waiting */
	size_t waiting, busy;        /* busy: loading, away or settling */
	bool more;                   /* the spool may have others */
	bool loading;
	bool stale;                  /* a message went back to the spool while they load: what comes may be older than that */
	size_t asked;                /* how many were asked for */
	int64_t more_due_us;         /* not before this is it worth to look */
};

struct dispatch {
	struct loop *loop;
	struct spool *spool;
	struct courier *courier;
	const struct settings *settings;
	struct str hostname;
	uint32_t node;
	struct table lanes;          /* by key */
	struct table turns;          /* by "ROUTE\nMAILBOX" */
	size_t detours;              /* turns whose mail may go by another mailbox, too */
	struct turns *turns_owed;    /* their pump, at the end of the tick's round */
	size_t round_at;             /* in the table of lanes: where the next round begins */
	struct share *shares;        /* of the window, one an upstream */
	bool in_round;               /* the tick's look at the lanes is under way */
	struct table items;          /* all in memory, by message id */
	struct table watches;        /* by message id: whose word somebody waits for */
	size_t kept_bytes;
	char lanes_after[3][512];    /* how far the spool's lanes are read */
	bool lanes_asked, lanes_known;
	bool lanes_anew;             /* woken while the lanes were asked for: from the start, once more */
	void (*on_unsent)(void *context, const struct spool_message *message, struct str reply);
	void *unsent_context;
	uv_timer_t tick;
};

/* item.c */
struct item *item_new(struct dispatch *dispatch, const struct spool_message *message, const uint32_t *indexes);
void item_free(struct item *item);
bool item_keep_body(struct item *item, struct str body); /* within KEPT_BODIES_BYTES_MAX */
void item_drop_body(struct item *item);

/* lane.c */
struct lane *lane_for(struct dispatch *dispatch, struct str route, struct str mailbox, struct str account); /* NULL: out of memory */
void lane_put(struct lane *lane, struct item *item); /* by due time; the last may be let go to the spool */
void lane_pump(struct lane *lane);                   /* send what is due as its turn comes, load what is missing */
void lane_look(struct lane *lane);                   /* likewise, but the sending is owed: once a round */
enum lane_step { LANE_WENT, LANE_NONE_DUE, LANE_NO_ROOM };
enum lane_step lane_send(struct lane *lane);         /* one message */
void lane_shed(struct lane *lane, int64_t now_us);   /* but for one that may go now all go back to the spool */
bool lane_forget_if_empty(struct lane *lane);
void lane_forget_waiting(struct lane *lane);         /* what waits is read from the spool anew */

/* turns.c: a turn is one message; tenants take turns, and within each its accounts. */
struct turns {
	struct dispatch *dispatch;
	char *key;
	struct str route, mailbox;
	struct share *share;
	struct turn_tenant *first, **end;
	struct table tenants;        /* by name: all that ever waited */
	size_t lanes, large, loading; /* large: messages under way that are; loading: bodies */
	bool pumping, again, detours;
	bool strays;                 /* some of its mail does: one that finds no room says nothing of the others */
	bool blocked;                /* the last that was due found no room */
	bool owed;
	struct turns *next_owed;
};
struct turns *turns_for(struct dispatch *dispatch, struct str route, struct str mailbox); /* NULL: out of memory */
struct turns *turns_find(struct dispatch *dispatch, struct str route, struct str mailbox);
void turns_join(struct lane *lane);  /* it has something due */
void turns_leave(struct lane *lane);
void turns_pump(struct turns *turns);
void turns_owe(struct turns *turns); /* a pump, however many of its lanes ask for one */
void turns_pump_owed(struct dispatch *dispatch);
void turns_pump_detours(struct dispatch *dispatch);
void turns_note_detour(struct turns *turns); /* some of its mail may go by another mailbox */
void turns_forget(struct turns *turns); /* once no lane is left */

/*
 * window.c: dispatch-window-max messages at most wait in memory (what is under way the courier bounds), and no upstream has more than its share of
 * that: one that is down, with mail of thousands of accounts, stands in no other's way. When more lanes want to be read than there is room for,
 * what waits makes way, and only the tick's rounds read others: what goes out does not make room for its own lane alone.
 */
struct share {
	struct share *next;
	char *route;
	size_t lanes, held, loading; /* held: messages that wait; loading: lanes that are read */
	bool hungry;                 /* a lane of it could not be read since the last round … */
	bool pressed;                /* … and its mailbox has room */
	uint64_t hungry_since_ms;    /* 0: none was for a whole round */
};
struct share *window_share(struct dispatch *dispatch, struct str route); /* NULL: out of memory */
void window_check_routes(const struct dispatch *dispatch); /* tells of upstreams that are gone from the settings: their mail only waits */
bool window_admits(const struct lane *lane);               /* it may be read now; else it is remembered that there was somebody */
size_t window_portion(const struct lane *lane);            /* how many messages of it are read at once */
void window_round(struct dispatch *dispatch);

/* way.c: the (upstream, mailbox) pairs by which a message may go now, the best first; none: no upstream is set for it. */
#define WAYS_MAX (2 * MAILBOXES_MAX)
struct way {
	struct str upstream, mailbox;
};
bool way_strays(const struct dispatch *dispatch, const struct spool_message *message); /* the routes say another upstream today than at its commit */
size_t way_list(const struct dispatch *dispatch, const struct item *item, struct way ret_ways[WAYS_MAX]);
bool way_has_fallback(const struct item *item); /* the upstream that it was just tried at is off, and there is another for it now */

/* The upstream that it was just tried at cannot carry it: from now on it goes by others. False: there is none, and nothing has changed. */
bool way_bar(struct item *item, const char *cause);

/* watch.c: what an attempt came to, for whoever waits for it. True: refused, and whoever sent it has been told so. */
struct watch_fate {
	size_t delivered, refused, left; /* recipients */
	uint64_t wait_ms;                /* until the next attempt */
	struct str reply;                /* the last refusal's */
};
bool watch_tell(struct dispatch *dispatch, uint64_t id, const struct watch_fate *fate);

/* settle.c */
void settle_fate(struct item *item, const struct courier_fate *fate);
void settle_unsent(struct item *item); /* nothing was tried; it waits, or has waited too long */
void settle_again(struct item *item);

/* bounce.c: the notification for the recipients that a fate ends, or delays. NEVER: nobody is to be told (logged). LATER: it cannot be made
 * now, for want of memory (logged). */
struct bounce_recipient {
	uint32_t index;          /* into item->message.recipients */
	uint8_t action;          /* enum dsn_action */
	struct str status, reply;
	bool remote;
};
enum outcome bounce_make(struct item *item, const struct bounce_recipient *recipients, size_t count, struct str remote_mta);

#endif
