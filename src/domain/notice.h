/* notice: what an administrator is told unasked, as Microsoft's Message center did: the kinds as one table, on which day a date is
 * told, and the words in each language. Pure: rows lie in keep/ledger_notice, who makes and sends them is keeper/notice. */
#ifndef DOMAIN_NOTICE_H
#define DOMAIN_NOTICE_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/say.h"
#include "base/str.h"
#include "domain/retirement.h"

enum notice_kind {
	NOTICE_RETIREMENT,    /* a phase comes nearer */
	NOTICE_FIRST_BASIC,   /* an account signs in with a password, for the first time or after NOTICE_BASIC_GAP_DAYS */
	NOTICE_LOCKED_ACCOUNT,
	NOTICE_LOCKED_NETWORK,
	NOTICE_EXPIRY,        /* a secret, certificate or token */
	NOTICE_PAUSED,        /* no mail leaves by an upstream */
	NOTICE_SENDER_HELD,   /* an upstream refuses a sender again and again */
	NOTICE_REPORT_UNSENT, /* a delivery report that was refused */
	NOTICE_MAIL_UNSENT,   /* the mail of a notice that was refused */
	NOTICE_TEST,
	NOTICE_KIND_COUNT
};
enum notice_severity { NOTICE_INFO, NOTICE_WARNING, NOTICE_CRITICAL, NOTICE_SEVERITY_COUNT };
enum notice_state { NOTICE_OPEN, NOTICE_ACKNOWLEDGED, NOTICE_SNOOZED, NOTICE_OVER, NOTICE_STATE_COUNT }; /* over: by itself */

#define NOTICE_BASIC_GAP_DAYS 90
#define NOTICE_KEY_MAX 512
#define NOTICE_NAMES_MAX 500      /* accounts and devices listed in one; `count` says how many there are */
#define NOTICE_DATA_BYTES_MAX (512u << 10)

/* In place of a time: it will not be mailed, or posted: nobody is to get it so, or it was tried long enough. */
#define NOTICE_NEVER (-1)

/* Borrowed. */
struct notice {
	struct str key;           /* one notice a key, ever */
	struct str id;            /* an event ID */
	enum notice_kind kind;
	enum notice_severity severity;
	struct str subject;       /* whom or what it is about */
	struct str tenant;        /* "": the gateway as a whole */
	int64_t created_us;
	struct str data;          /* a JSON object: what its words are filled with */
	enum notice_state state;
	int64_t snoozed_until_us;
	int64_t mailed_us, posted_us; /* 0: still to do; NOTICE_NEVER */
	uint32_t post_attempts;
	int64_t post_due_us;      /* not before */
	struct str trouble;       /* of the last attempt to post */
};

const char *notice_kind_name(enum notice_kind kind); /* "retirement" */
bool notice_kind_parse(struct str name, enum notice_kind *ret_kind);
const char *notice_severity_name(enum notice_severity severity);
bool notice_severity_parse(struct str name, enum notice_severity *ret_severity);
const char *notice_state_name(enum notice_state state);
bool notice_state_parse(struct str name, enum notice_state *ret_state);

enum notice_severity notice_severity_of(enum notice_kind kind); /* unless whoever makes it knows better */
bool notice_is_mailed(enum notice_kind kind);
bool notice_waits(const struct notice *notice); /* for company, before it is mailed: it is for information, or a date */
/* No second one of the same kind and subject within so long. 0: its key alone says. */
int64_t notice_quiet_us(enum notice_kind kind);
/* Open, or snoozed until a time that has come. */
bool notice_is_open(const struct notice *notice, int64_t now_us);

/* --- on which days a date is told --- */

/* The day, since 1970, on a clock so far east of UTC. */
int64_t notice_day(int64_t real_us, int64_t offset_us);

/* What is due so many days before a phase: 90, 30, 7 or 1. Those that were missed are not made up for: the nearest counts. A date
 * that stands for a half-year, or concerns nobody who is here, is told once, from 30 days on. False: nothing, or the day is past. */
bool notice_retirement_due(enum retirement_exact exact, bool new_tenants_only, int64_t days_left, unsigned *ret_mark);
/* Likewise before something ends: 30, 7, 1, and 0 when it has `ended`. */
bool notice_expiry_due(int64_t days_left, bool ended, unsigned *ret_mark);
/* The nearer and the more there are who would stop, the graver. */
enum notice_severity notice_retirement_severity(unsigned mark, size_t accounts);
enum notice_severity notice_expiry_severity(unsigned mark);

/* --- in words --- */

/* {"en": …, "ja": …}: a sentence that is filled in once and read in either language. NULL: out of memory. */
json_t *notice_words(const char *english);

/* False: out of memory, or no room. A name in the sentence that the data do not have stays empty. */
bool notice_title(const struct notice *notice, enum language language, struct buf *out) __attribute__((warn_unused_result));
bool notice_text(const struct notice *notice, enum language language, struct buf *out) __attribute__((warn_unused_result));

/* id, kind, severity, title, text, createdDateTime, tenant, subject, data: what is posted. NULL: out of memory. */
json_t *notice_json(const struct notice *notice, enum language language);
/* These, then how it stands with it: what is listed. */
json_t *notice_row_json(const struct notice *notice, enum language language, int64_t now_us);

/* The sentences of a kind as they stand in the source; for the test of the catalogue. */
void notice_sentences(enum notice_kind kind, const char **ret_title, const char **ret_text);

#endif
