#include "keeper/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <sodium/utils.h>

#include "domain/nearest.h"
#include "keeper/control.h"

#define FLOWING_BYTES_MAX (256u << 10)
#define TEXT_BYTES_MAX 2048

/* To add a verb: a row here, and the function it names. */
static const struct api_verb verbs[] = {
	{ "status", API_OPERATOR, answer_status },
	{ "health", API_OPERATOR, answer_health },
	{ "version", API_OPERATOR, answer_version },
	{ "reload", API_ADMINISTRATOR, answer_reload },
	{ "tenant list", API_OPERATOR, answer_tenant_list },
	{ "tenant add", API_ADMINISTRATOR, answer_tenant_add },
	{ "tenant show", API_OPERATOR, answer_tenant_show },
	{ "tenant set", API_ADMINISTRATOR, answer_tenant_set },
	{ "user list", API_OPERATOR, answer_user_list },
	{ "user add", API_ADMINISTRATOR, answer_user_add },
	{ "user show", API_OPERATOR, answer_user_show },
	{ "user set", API_ADMINISTRATOR, answer_user_set },
	{ "user passwd", API_ADMINISTRATOR, answer_user_passwd },
	{ "user remove", API_ADMINISTRATOR, answer_user_remove },
	{ "signins", API_OPERATOR, answer_signins },
	{ "trace", API_OPERATOR, answer_trace },
	{ "explain", API_OPERATOR, answer_explain },
	{ "audit", API_ADMINISTRATOR, answer_audit },
	{ "queue list", API_OPERATOR, answer_queue_list },
	{ "mailq", API_OPERATOR, answer_queue_list },
	{ "queue show", API_OPERATOR, answer_queue_show },
	{ "queue cat", API_ADMINISTRATOR, answer_queue_cat },
	{ "queue hold", API_OPERATOR, answer_queue_hold },
	{ "queue release", API_OPERATOR, answer_queue_release },
	{ "queue retry", API_OPERATOR, answer_queue_retry },
	{ "queue drop", API_ADMINISTRATOR, answer_queue_drop },
	{ "queue flush", API_OPERATOR, answer_queue_flush },
	{ "rehearse", API_ADMINISTRATOR, answer_rehearse_start },
	{ "rehearse stop", API_ADMINISTRATOR, answer_rehearse_stop },
	{ "rehearse status", API_OPERATOR, answer_rehearse_status },
	{ "rehearse report", API_OPERATOR, answer_rehearse_report },
	{ "upstream list", API_OPERATOR, answer_upstream_list },
	{ "upstream token", API_OPERATOR, answer_upstream_token },
	{ "upstream login", API_ADMINISTRATOR, answer_upstream_login },
	{ "upstream login-answer", API_ADMINISTRATOR, answer_upstream_login_answer },
	{ "upstream test", API_OPERATOR, answer_upstream_test },
	{ "upstream show", API_OPERATOR, answer_upstream_show },
	{ "route list", API_OPERATOR, answer_route_list },
	{ "route add", API_ADMINISTRATOR, answer_route_add },
	{ "route remove", API_ADMINISTRATOR, answer_route_remove },
	{ "report smtp-auth", API_OPERATOR, answer_report },
	{ "retirement show", API_OPERATOR, answer_retirement_show },
	{ "retirement set", API_ADMINISTRATOR, answer_retirement_set },
	{ "retirement simulate", API_OPERATOR, answer_retirement_simulate },
	{ "notices list", API_OPERATOR, answer_notices_list },
	{ "notices show", API_OPERATOR, answer_notices_show },
	{ "notices ack", API_OPERATOR, answer_notices_ack },
	{ "notices snooze", API_OPERATOR, answer_notices_snooze },
	{ "notices send", API_ADMINISTRATOR, answer_notices_send },
	{ "notices test", API_ADMINISTRATOR, answer_notices_test },
	{ "import begin", API_ADMINISTRATOR, answer_import_begin },
	{ "import rows", API_ADMINISTRATOR, answer_import_rows },
	{ "import end", API_ADMINISTRATOR, answer_import_end },
};

#define VERBS_COUNT (sizeof(verbs) / sizeof(*verbs))

const struct api_verb *api_find(struct str name)
{
	for (size_t i = 0; i < VERBS_COUNT; i++) {
		if (str_eq(name, str_of(verbs[i].name)))
			return &verbs[i];
	}
	return NULL;
}

const char *api_nearest(struct str name)
{
	const char *names[VERBS_COUNT];

	for (size_t i = 0; i < VERBS_COUNT; i++)
		names[i] = verbs[i].name;
	return nearest(name, names, VERBS_COUNT).ptr; /* one of ours, so NUL-terminated */
}

const char *api_text(const struct api_call *call, const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

bool api_flag(const struct api_call *call, const char *name)
{
	return json_is_true(json_object_get(call->args, name));
}

int64_t api_number(const struct api_call *call, const char *name, int64_t otherwise)
{
	const json_t *value = json_object_get(call->args, name);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static void say_json(struct api_call *call, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	if (text && call->client)
		control_say(call->client, str_of(text));
	if (text)
		sodium_memzero(text, strlen(text)); /* `user add --generate` answers with a password */
	free(text);
	json_decref(line);
}

void api_row(struct api_call *call, json_t *row)
{
	say_json(call, json_pack("{s:o}", "row", row));
}

void api_row_text(struct api_call *call, struct str json)
{
	struct buf line;

	buf_init(&line, json.len + 16);
	if (call->client && buf_add(&line, STR("{\"row\":")) && buf_add(&line, json) && buf_add_byte(&line, '}'))
		control_say(call->client, buf_str(&line));
	buf_done(&line);
}

void api_note(struct api_call *call, const char *format, ...)
{
	char text[TEXT_BYTES_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), say(call->language, format), args);
	va_end(args);
	say_json(call, json_pack("{s:s}", "note", text));
}

static void end(struct api_call *call, int exit_code, const char *text)
{
	struct control_client *client = call->client;

	say_json(call, text && text[0] ? json_pack("{s:i,s:s}", "end", exit_code, "text", text) :
					 json_pack("{s:i}", "end", exit_code));
	if (call->client)
		control_done(client);
	json_decref(call->args);
	free(call);
}

void api_end(struct api_call *call, int exit_code)
{
	end(call, exit_code, NULL);
}

void api_fail(struct api_call *call, int exit_code, const struct fault *fault)
{
	end(call, exit_code, fault->text[call->language]);
}

void api_fail_text(struct api_call *call, int exit_code, const char *format, ...)
{
	char text[TEXT_BYTES_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), say(call->language, format), args);
	va_end(args);
	end(call, exit_code, text);
}

void api_end_outcome(struct api_call *call, enum outcome outcome, const struct fault *fault)
{
	if (outcome == OUTCOME_OK)
		api_end(call, EX_OK);
	else
		api_fail(call, outcome == OUTCOME_LATER ? EX_TEMPFAIL : EX_DATAERR, fault);
}

bool api_is_flowing(const struct api_call *call)
{
	return call->client && control_waiting(call->client) < FLOWING_BYTES_MAX;
}
