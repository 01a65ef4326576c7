/* report: the SMTP AUTH clients report: counts of days and clients summed up by sender, domain, device, TLS version or day. Pure. */
#ifndef DOMAIN_REPORT_H
#define DOMAIN_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "base/say.h"
#include "base/str.h"
#include "domain/column.h"
#include "domain/sign_in.h"
#include "domain/trace.h"

#define REPORT_DAY_US (86400ll * 1000000)
#define REPORT_DAYS_DEFAULT 7
#define REPORT_DAYS_MIN 7
#define REPORT_DAYS_MAX 90

/* What a sign-in was encrypted with; imported rows mostly do not say. */
enum report_tls { REPORT_TLS_UNKNOWN, REPORT_TLS_CLEAR, REPORT_TLS_10, REPORT_TLS_11, REPORT_TLS_12, REPORT_TLS_13, REPORT_TLS_COUNT };

/* Counts of one client (who, how, from which device), of one day or of several. */
struct report_row {
	struct str sender;  /* the account */
	uint8_t protocol;   /* enum auth_protocol */
	struct str ip, ehlo;
	struct str source;  /* gateway | entra | eac */
	int64_t day;        /* since 1970, UTC */
	uint64_t tls[REPORT_TLS_COUNT]; /* sign-ins that passed; of source eac messages */
	uint64_t messages;  /* taken */
	uint64_t internal;  /* of these, to nobody outside the sender's own domain */
	int64_t last_us;
};

/* What one sign-in, or one message, adds. False: nothing (it was refused). A message's client is who signed in: not filled in here. */
bool report_of_sign_in(const struct sign_in *sign_in, struct report_row *ret_row);
bool report_of_trace(const struct trace *trace, struct report_row *ret_row);
struct str report_domain(struct str address);

enum report_by { REPORT_BY_SENDER, REPORT_BY_DOMAIN, REPORT_BY_DEVICE, REPORT_BY_TLS, REPORT_BY_DAY, REPORT_BY_COUNT };
extern const char *const report_by_names[REPORT_BY_COUNT];
extern const struct column *const report_columns[REPORT_BY_COUNT]; /* the exchange admin center's own first */
bool report_by_parse(struct str name, enum report_by *ret_by);

/* What becomes of a client when Basic authentication has ended. */
enum report_after { REPORT_AFTER_WORKS, REPORT_AFTER_RELAYED, REPORT_AFTER_UPSTREAM, REPORT_AFTER_REFUSED };

struct report;

/* `upstream_basic`: this gateway itself signs in somewhere with a password, so that what it relays ends, too. `refuses`: it will refuse,
 * or refuses already, Basic authentication for that domain. NULL: out of memory. */
struct report *report_new(enum report_by by, bool upstream_basic, bool (*refuses)(void *context, struct str domain), void *context);
void report_free(struct report *report);
bool report_add(struct report *report, const struct report_row *row); /* copied. False: out of memory */
/* Each line once, most messages first (days: newest first); `each` takes the JSON over; false: enough. False: out of memory. */
bool report_lines(struct report *report, enum language language, bool (*each)(void *context, json_t *line), void *context);

#endif
