/* report_query: the questions of report and retirement, put to the ledger alone, so that they are answered alike by the daemon and with
 * the daemon down. Answers are JSON, as the command line and the API show them. */
#ifndef KEEP_REPORT_QUERY_H
#define KEEP_REPORT_QUERY_H

#include "domain/settings.h"
#include "keep/ledger.h"

/* Does any upstream take a password? What goes there ends with Basic authentication, too. */
bool report_upstream_basic(const struct settings *settings);

struct report_question {
	enum report_by by;
	int64_t now_us;
	int64_t days;           /* today and those before it */
	bool upstream_basic;    /* report_upstream_basic() */
	enum language language;
};

/* From what was asked: `by` "" is by sender. NEVER with a sentence that names the nearest: no such days, no such order. */
enum outcome report_question_set(struct report_question *question, int64_t days, struct str by, struct fault *fault);

/* One line after another to `each`, which takes it over; false: enough. */
enum outcome report_query(struct ledger *ledger, const struct report_question *question, bool (*each)(void *context, json_t *line),
			  void *context, struct fault *fault);

struct simulate_question {
	int64_t now_us, at_us;
	int64_t days;           /* of the log, today among them */
	bool upstream_basic;
	enum language language;
};

/* What a simulation found. */
struct simulate_sum {
	size_t clients, refused;     /* users by devices with Basic authentication; those that would be refused */
	size_t refused_before;       /* of these, those that a rule refuses today already */
};

/* Who (user by device) signed in with Basic authentication and would be refused at that time, by which rule, and what to do instead.
 * Changes nothing. */
enum outcome simulate_query(struct ledger *ledger, const struct simulate_question *question, bool (*each)(void *context, json_t *line),
			    void *context, struct simulate_sum *ret_sum, struct fault *fault);

/* The phases as a tenant meets them ("": without plans of its own), or the plan's history. */
enum outcome retirement_query(struct ledger *ledger, struct str tenant, bool history, int64_t now_us, enum language language,
			      bool (*each)(void *context, json_t *line), void *context, struct fault *fault);

#endif
