/* simulate_query: a day to come, tried on those who signed in lately. */
#include "keep/report_query.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/table.h"
#include "domain/json_text.h"
#include "domain/policy.h"
#include "keep/plan_view.h"

/* What a device can do instead; the first that fits is told. To add one: a row. */
enum instead { INSTEAD_OAUTH, INSTEAD_GATEWAY, INSTEAD_HVE, INSTEAD_STAYS, INSTEAD_UPSTREAM, INSTEAD_MEND, INSTEAD_CONNECTOR, INSTEAD_COUNT };
static const struct {
	const char *id;
	const char *text; /* N_() */
} insteads[INSTEAD_COUNT] = {
	[INSTEAD_OAUTH] = { "oauth", N_("this account signs in by OAuth already: move this device to it, too") },
	[INSTEAD_GATEWAY] = { "gateway", N_("let it send through this gateway, with an upstream that signs in by OAuth; only server and port change on the device") },
	[INSTEAD_HVE] = { "hve", N_("all its mail stays inside: High Volume Email (smtp.hve.mx.microsoft) takes passwords until September 2028") },
	[INSTEAD_STAYS] = { "stays", N_("it sends through this gateway, which does not pass its password on: nothing changes for it unless the tenant's plan is enforced here") },
	[INSTEAD_UPSTREAM] = { "upstream", N_("it sends through this gateway, but that signs in upstream with a password: set auth: xoauth2 for the upstream") },
	[INSTEAD_MEND] = { "mend", N_("a rule refuses it today already: sekisho explain tells the mend") },
	[INSTEAD_CONNECTOR] = { "connector", N_("or: a connector by the office's fixed address, without a sign-in") },
};

/* One user by device. */
struct client {
	struct str user, ip, ehlo;
	bool at_gateway;
	uint64_t sign_ins, messages, internal;
	int64_t last_us;
	size_t key_len;
	char key[];
};

struct simulation {
	const struct simulate_question *question;
	struct plan_view view;
	struct table clients; /* by user, address and name */
	struct table oauth;   /* char *: users who sign in by OAuth */
	bool good;
};

static bool note_oauth(struct simulation *simulation, struct str user)
{
	char *name;

	if (table_find(&simulation->oauth, user))
		return true;
	name = str_dup(user);
	if (name && table_put(&simulation->oauth, str_of(name), name))
		return true;
	free(name);
	return false;
}

static struct client *client_for(struct simulation *simulation, const struct report_row *row)
{
	size_t key_len = row->sender.len + row->ip.len + row->ehlo.len + 2;
	struct client *client = calloc(1, sizeof(*client) + key_len);
	struct client *there;
	struct buf key = { 0 };
	struct str whole;

	if (!client)
		return NULL;
	key = (struct buf){ .ptr = client->key, .cap = key_len, .bytes_max = key_len };
	whole = (struct str){ client->key, key_len };
	if (buf_add(&key, row->sender) && buf_add_byte(&key, '\0') && buf_add(&key, row->ip) && buf_add_byte(&key, '\0') &&
	    buf_add(&key, row->ehlo)) {
		there = table_find(&simulation->clients, whole);
		if (there || table_put(&simulation->clients, whole, client)) {
			if (there)
				free(client);
			client = there ? there : client;
			client->user = (struct str){ client->key, row->sender.len };
			client->ip = (struct str){ client->key + row->sender.len + 1, row->ip.len };
			client->ehlo = (struct str){ client->key + row->sender.len + row->ip.len + 2, row->ehlo.len };
			return client;
		}
	}
	free(client);
	return NULL;
}

static bool add(void *context, const struct report_row *row)
{
	struct simulation *simulation = context;
	struct client *client;

	if (row->protocol == AUTH_PROTOCOL_OAUTH)
		return simulation->good = note_oauth(simulation, row->sender);
	if (row->protocol != AUTH_PROTOCOL_BASIC)
		return true;
	client = client_for(simulation, row);
	if (!client)
		return simulation->good = false;
	for (size_t i = 0; i < REPORT_TLS_COUNT; i++)
		client->sign_ins += str_eq(row->source, STR("eac")) ? 0 : row->tls[i];
	client->messages += row->messages;
	client->internal += row->internal;
	client->at_gateway = client->at_gateway || str_eq(row->source, STR("gateway"));
	if (row->last_us > client->last_us)
		client->last_us = row->last_us;
	return true;
}

/* Who is not in the directory, as in imported logs, is judged as an account like any other. */
static enum policy_rule judge(const struct simulation *simulation, const struct client *client, bool then)
{
	struct str domain = report_domain(client->user);
	const struct tenant *tenant = plan_view_tenant(&simulation->view, domain);
	const struct account *account = plan_view_account(&simulation->view, client->user);
	struct tenant as_if;
	struct account anybody;
	struct policy_question question = { .protocol = AUTH_PROTOCOL_BASIC, .credentials_right = true };
	enum policy_rule rule;

	tenant_init(&as_if);
	account_init(&anybody);
	if (tenant)
		as_if = *tenant; /* borrowed; never given back through this */
	if (then)
		as_if.basic = retirement_basic_at(as_if.basic, retirement_effect_at(plan_view_plan(&simulation->view, domain),
										    simulation->question->at_us, NULL));
	question.account = account ? account : &anybody;
	question.tenant = &as_if;
	rule = policy_decide(&question);
	return rule == POLICY_ADDRESS ? POLICY_ALLOWED : rule; /* it has signed in from there */
}

static enum instead instead_of(const struct simulation *simulation, const struct client *client, enum policy_rule today)
{
	if (today != POLICY_ALLOWED)
		return INSTEAD_MEND;
	if (table_find(&simulation->oauth, client->user))
		return INSTEAD_OAUTH;
	if (client->at_gateway)
		return simulation->question->upstream_basic ? INSTEAD_UPSTREAM : INSTEAD_STAYS;
	return client->messages > 0 && client->internal == client->messages ? INSTEAD_HVE : INSTEAD_GATEWAY;
}

static json_t *others_json(const struct client *client, enum instead first)
{
	json_t *list = json_array();
	bool inside = client->messages > 0 && client->internal == client->messages;

	for (size_t i = 0; list && i < INSTEAD_COUNT; i++) {
		bool fits = i == INSTEAD_GATEWAY ? !client->at_gateway : i == INSTEAD_HVE ? inside : i == INSTEAD_CONNECTOR;

		if (fits && i != first && json_array_append_new(list, json_string(insteads[i].id)) == -1) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *client_json(const struct simulation *simulation, const struct client *client, enum policy_rule rule,
			   enum policy_rule today)
{
	enum instead instead = instead_of(simulation, client, today);
	const struct policy_answer *answer = policy_answer_of(rule);
	enum language language = simulation->question->language;
	json_t *json = json_object();

	if (json_put(json, "user", json_text(client->user)) && json_put(json, "ipAddress", json_text(client->ip)) &&
	    json_put(json, "ehlo", json_text(client->ehlo)) && json_put(json, "signIns", json_integer((json_int_t)client->sign_ins)) &&
	    json_put(json, "messagesSent", json_integer((json_int_t)client->messages)) &&
	    json_put(json, "lastSeen", json_time(client->last_us)) &&
	    json_put(json, "source", json_string(client->at_gateway ? "gateway" : "entra")) &&
	    json_put(json, "policyRule", json_string(answer->cause)) &&
	    json_put(json, "smtpReply", json_sprintf("%u %s %s", answer->code, answer->enhanced, answer->text)) &&
	    json_put(json, "refusedToday", json_boolean(today != POLICY_ALLOWED)) &&
	    json_put(json, "instead", json_string(insteads[instead].id)) &&
	    json_put(json, "insteadText", json_string(say(language, insteads[instead].text))) &&
	    json_put(json, "alternatives", others_json(client, instead)))
		return json;
	json_decref(json);
	return NULL;
}

static int newest_first(const void *left, const void *right)
{
	const struct client *a = *(const struct client *const *)left;
	const struct client *b = *(const struct client *const *)right;

	return (a->last_us < b->last_us) - (a->last_us > b->last_us);
}

static bool tell(struct simulation *simulation, bool (*each)(void *context, json_t *line), void *context, struct simulate_sum *ret_sum)
{
	struct client **clients = calloc(simulation->clients.count + 1, sizeof(*clients));
	struct client *client;
	size_t count = 0, at = 0;
	bool more = true, good = clients != NULL;

	while (clients && (client = table_next(&simulation->clients, &at)))
		clients[count++] = client;
	if (clients)
		qsort(clients, count, sizeof(struct client *), newest_first);
	*ret_sum = (struct simulate_sum){ .clients = count };
	for (size_t i = 0; i < count && good; i++) {
		enum policy_rule rule = judge(simulation, clients[i], true);
		enum policy_rule today = judge(simulation, clients[i], false);
		json_t *json;

		if (rule == POLICY_ALLOWED)
			continue;
		ret_sum->refused++;
		ret_sum->refused_before += today != POLICY_ALLOWED;
		json = more ? client_json(simulation, clients[i], rule, today) : NULL;
		good = json || !more;
		more = json && each(context, json);
	}
	free(clients);
	return good;
}

enum outcome simulate_query(struct ledger *ledger, const struct simulate_question *question, bool (*each)(void *context, json_t *line),
			    void *context, struct simulate_sum *ret_sum, struct fault *fault)
{
	struct simulation simulation = { .question = question, .good = true };
	int64_t today = question->now_us / REPORT_DAY_US;
	enum outcome outcome;
	size_t at = 0;
	void *one;

	table_init(&simulation.clients);
	table_init(&simulation.oauth);
	outcome = plan_view_load(&simulation.view, ledger, true, fault);
	if (outcome == OUTCOME_OK)
		outcome = ledger_report(ledger, today - question->days + 1, today, false, add, &simulation, fault);
	if (outcome == OUTCOME_OK && (!simulation.good || !tell(&simulation, each, context, ret_sum)))
		outcome = fault_set(fault, OUTCOME_LATER, N_("out of memory while reading or writing the ledger"));
	while ((one = table_next(&simulation.clients, &at)))
		free(one);
	at = 0;
	while ((one = table_next(&simulation.oauth, &at)))
		free(one);
	table_done(&simulation.clients);
	table_done(&simulation.oauth);
	plan_view_done(&simulation.view);
	return outcome;
}
