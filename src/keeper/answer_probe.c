#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "courier/probe.h"
#include "keeper/api.h"

/* `upstream test NAME`: who would send that way is gathered here, the courier tries it, and each row goes out as it comes. */

struct testing {
	struct api_call *call;
	struct probe *probe;
	bool explained; /* cause and remedy are told for the first failure */
	bool telling, gone; /* the client may go while a row is on its way to it */
};

static const char *const states[] = { [PROBE_OK] = "ok", [PROBE_WARN] = "warn", [PROBE_FAIL] = "fail" };

static void add_text(json_t *row, const char *name, const char *text)
{
	if (text && text[0])
		(void)json_object_set_new(row, name, json_string(text));
}

static void leave(struct testing *testing)
{
	struct api_call *call = testing->call;

	probe_cancel(testing->probe);
	free(testing);
	api_end(call, EX_OK);
}

static void on_row(void *context, const struct probe_row *found)
{
	struct testing *testing = context;
	struct api_call *call = testing->call;
	json_t *row = json_pack("{s:s,s:s,s:I}", "step", found->step, "state", states[found->state], "ms", (json_int_t)found->ms);

	if (row) {
		add_text(row, "text", found->text);
		add_text(row, "reply", found->reply);
		add_text(row, "cause", found->cause);
		add_text(row, "meaning", found->meaning ? say(call->language, found->meaning) : NULL);
		add_text(row, "remedy", found->remedy ? say(call->language, found->remedy) : NULL);
	}
	testing->telling = true;
	api_row(call, row);
	if (found->state == PROBE_FAIL && !testing->explained) {
		testing->explained = true;
		if (found->meaning)
			api_note(call, N_("what it means: %s"), say(call->language, found->meaning));
		if (found->remedy)
			api_note(call, N_("to mend it: %s"), say(call->language, found->remedy));
	}
	testing->telling = false;
	if (testing->gone)
		leave(testing);
}

static void on_end(void *context, enum probe_state worst, bool untested)
{
	struct testing *testing = context;
	struct api_call *call = testing->call;

	call->on_client_gone = NULL;
	free(testing);
	api_end(call, untested ? EX_TEMPFAIL : worst == PROBE_FAIL ? 1 : EX_OK);
}

static const struct probe_handler handler = { .on_row = on_row, .on_end = on_end };

static void on_client_gone(struct api_call *call)
{
	struct testing *testing = call->state;

	testing->gone = true;
	if (!testing->telling)
		leave(testing);
}

/* --- who would send --- */

static int compare_text(struct str a, struct str b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int compare_senders(const void *one, const void *other)
{
	const struct probe_sender *a = one;
	const struct probe_sender *b = other;
	int order = compare_text(a->mailbox, b->mailbox);

	return order ? order : compare_text(a->sender, b->sender);
}

static bool goes_this_way(const struct keeper *keeper, const struct upstream_settings *upstream, const struct account *account)
{
	return account->enabled &&
	       settings_route(keeper->settings, str_of(account->domain), str_of(account->address), 0) == upstream;
}

/* At most PROBE_SENDERS_MAX; *ret_more: how many there are beside. */
static size_t gather(const struct keeper *keeper, const struct upstream_settings *upstream, struct probe_sender *senders, size_t *ret_more)
{
	bool same = strcmp(upstream->mailbox, "same") == 0;
	const struct account *account;
	size_t count = 0, at = 0;

	*ret_more = 0;
	while ((account = table_next(&keeper->directory.accounts, &at))) {
		struct str address = str_of(account->address);

		if (!goes_this_way(keeper, upstream, account))
			continue;
		if (count < PROBE_SENDERS_MAX)
			senders[count++] = (struct probe_sender){ same ? address : str_of(upstream->mailbox), address };
		else
			(*ret_more)++;
	}
	/* With a mailbox of its own the sign-in can be tried without any account. */
	if (count == 0 && !same)
		senders[count++] = (struct probe_sender){ str_of(upstream->mailbox), str_of(upstream->mailbox) };
	if (count > 1)
		qsort(senders, count, sizeof(*senders), compare_senders);
	return count;
}

static void fail_unknown(struct api_call *call, struct str name)
{
	struct fault fault;

	(void)settings_upstream_known(call->keeper->settings, name, &fault);
	api_fail(call, EX_USAGE, &fault);
}

void answer_upstream_test(struct api_call *call)
{
	struct keeper *keeper = call->keeper;
	struct str name = str_of(api_text(call, "name"));
	const struct upstream_settings *upstream = settings_upstream(keeper->settings, name);
	struct str from = str_of(api_text(call, "from"));
	struct probe_sender senders[PROBE_SENDERS_MAX];
	struct probe_options options = { .upstream = name, .language = call->language, .senders = senders,
					 .recipient = str_of(api_text(call, "send")) };
	struct testing *testing = calloc(1, sizeof(*testing));
	char id[16], message_id[300];
	uint64_t number;
	size_t more = 0;
	struct fault fault;

	if (!testing || !upstream || (options.recipient.len > 0 && call->role != API_ADMINISTRATOR)) {
		free(testing);
		if (!upstream)
			fail_unknown(call, name);
		else if (testing)
			api_fail_text(call, EX_NOPERM, N_("--send is for administrators: root or the daemon's user"));
		else
			api_fail_text(call, EX_TEMPFAIL, N_("the daemon is out of memory; try again"));
		return;
	}
	options.senders_count = gather(keeper, upstream, senders, &more);
	if (from.len > 0) {
		senders[0] = (struct probe_sender){ strcmp(upstream->mailbox, "same") == 0 ? from : str_of(upstream->mailbox), from };
		options.senders_count = 1;
		more = 0;
	}
	keeper_event_id(keeper, id, &number);
	(void)snprintf(message_id, sizeof(message_id), "%s@%.*s", id, STR_ARG(keeper->boot.hostname));
	options.message_id = str_of(message_id);
	testing->call = call;
	testing->probe = probe_new(keeper->courier, &options, &handler, testing, &fault);
	if (!testing->probe) {
		free(testing);
		api_fail(call, EX_TEMPFAIL, &fault);
		return;
	}
	if (more > 0)
		api_note(call, N_("%zu more accounts send this way; the first %d are tried. One of them: --from ADDRESS"), more, PROBE_SENDERS_MAX);
	call->state = testing;
	call->on_client_gone = on_client_gone;
}
