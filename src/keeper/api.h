/*
 * api: what the daemon can be asked over the control socket, one table (api.c): name, role needed, function. The CLI and
 * later the console are its callers. To add a verb: a row, and the function it names.
 *
 * Request: one line of JSON {"verb":"user add","args":{…},"lang":"ja"}, and where it says "body":N so many raw bytes. Answer: lines {"row":{…}}, {"note":"…"} and at last
 * {"end":EXIT} or {"end":EXIT,"text":"why"}; EXIT is what the CLI exits with (contract, 2).
 */
#ifndef KEEPER_API_H
#define KEEPER_API_H

#include <jansson.h>

#include "base/fault.h"
#include "keeper/keeper.h"

enum api_role { API_OPERATOR, API_ADMINISTRATOR };

struct control_client;

/* One request under way. It may outlive its client: then what it says goes nowhere. Ended exactly once, by api_end or api_fail. */
struct api_call {
	struct keeper *keeper;
	struct control_client *client; /* NULL: gone */
	json_t *args;
	struct str body;               /* raw bytes behind the request's line; only until run() returns */
	enum language language;
	enum api_role role;
	char actor[64];                /* "root", "uid 1000" */
	void *state;                   /* the verb's own, freed by it */
	void (*on_client_gone)(struct api_call *call); /* for what follows on and on; NULL: none */
};

struct api_verb {
	const char *name;
	enum api_role role;
	void (*run)(struct api_call *call);
};

const struct api_verb *api_find(struct str name); /* NULL: no such verb */
const char *api_nearest(struct str name);         /* for a typing error */

/* Arguments: NULL or `otherwise` when absent; of another type: as absent. */
const char *api_text(const struct api_call *call, const char *name);
bool api_flag(const struct api_call *call, const char *name);
int64_t api_number(const struct api_call *call, const char *name, int64_t otherwise);

void api_row(struct api_call *call, json_t *row); /* takes the row over; NULL (out of memory) is left out and told */
void api_row_text(struct api_call *call, struct str json); /* a row already printed */
void api_note(struct api_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void api_end(struct api_call *call, int exit_code);
void api_fail(struct api_call *call, int exit_code, const struct fault *fault);
void api_fail_text(struct api_call *call, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* api_end(0), or api_fail with 75 for LATER, 65 for NEVER. */
void api_end_outcome(struct api_call *call, enum outcome outcome, const struct fault *fault);
bool api_is_flowing(const struct api_call *call); /* false: the client does not read; wait before more rows */

/* answer_*.c */
void answer_status(struct api_call *call);
void answer_health(struct api_call *call);
void answer_version(struct api_call *call);
void answer_reload(struct api_call *call);
void answer_tenant_list(struct api_call *call);
void answer_tenant_add(struct api_call *call);
void answer_tenant_show(struct api_call *call);
void answer_tenant_set(struct api_call *call);
void answer_user_list(struct api_call *call);
void answer_user_add(struct api_call *call);
void answer_user_show(struct api_call *call);
void answer_user_set(struct api_call *call);
void answer_user_passwd(struct api_call *call);
void answer_user_remove(struct api_call *call);
void answer_signins(struct api_call *call);
void answer_trace(struct api_call *call);
void answer_explain(struct api_call *call);
void answer_audit(struct api_call *call);
void answer_queue_list(struct api_call *call);
void answer_queue_show(struct api_call *call);
void answer_queue_cat(struct api_call *call);
void answer_queue_hold(struct api_call *call);
void answer_queue_release(struct api_call *call);
void answer_queue_retry(struct api_call *call);
void answer_queue_drop(struct api_call *call);
void answer_queue_flush(struct api_call *call);
void answer_rehearse_start(struct api_call *call); /* rehearse.c */
void answer_rehearse_stop(struct api_call *call);
void answer_rehearse_status(struct api_call *call);
void answer_rehearse_report(struct api_call *call);
void answer_upstream_list(struct api_call *call);
void answer_upstream_token(struct api_call *call); /* answer_upstream.c */
void answer_upstream_login(struct api_call *call);
void answer_upstream_login_answer(struct api_call *call);
void answer_upstream_test(struct api_call *call); /* answer_probe.c */
void answer_upstream_show(struct api_call *call);
void answer_route_list(struct api_call *call);
void answer_route_add(struct api_call *call);
void answer_route_remove(struct api_call *call);
struct courier_status;
json_t *answer_upstream_json(const struct courier_status *status); /* one row of upstream list; NULL: out of memory */
void answer_report(struct api_call *call);
void answer_retirement_show(struct api_call *call);
void answer_retirement_set(struct api_call *call);
void answer_retirement_simulate(struct api_call *call);
void answer_notices_list(struct api_call *call); /* answer_notice.c */
void answer_notices_show(struct api_call *call);
void answer_notices_ack(struct api_call *call);
void answer_notices_snooze(struct api_call *call);
void answer_notices_send(struct api_call *call);
void answer_notices_test(struct api_call *call);
void answer_import_begin(struct api_call *call); /* imports.c */
void answer_import_rows(struct api_call *call);
void answer_import_end(struct api_call *call);

#endif
