#include "keeper/answer_directory.h"

#include <string.h>

#include "domain/nearest.h"

#define SWITCHES_MAX 32
#define VALUE_BYTES_MAX 4096

json_t *answer_switches_json(const char *kind, const char *name, const struct switch_row *rows, size_t count, const void *object)
{
	json_t *json = json_pack("{s:s}", kind, name);
	char value[VALUE_BYTES_MAX];

	for (size_t i = 0; json && i < count; i++) {
		if (rows[i].get(object, value, sizeof(value)))
			(void)json_object_set_new(json, rows[i].name, json_string(value));
	}
	return json;
}

static bool unknown_switch(const struct switch_row *rows, size_t count, const char *name, struct fault *fault)
{
	const char *names[SWITCHES_MAX];
	struct str near;
	char all[512] = "";

	for (size_t i = 0; i < count && i < SWITCHES_MAX; i++) {
		names[i] = rows[i].name;
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "", rows[i].name);
	}
	near = nearest(str_of(name), names, count < SWITCHES_MAX ? count : SWITCHES_MAX);
	if (near.len > 0)
		(void)fault_set(fault, OUTCOME_NEVER, N_("there is no switch \"%s\"; did you mean \"%.*s\"?"), name, STR_ARG(near));
	else
		(void)fault_set(fault, OUTCOME_NEVER, N_("there is no switch \"%s\"; there are: %s"), name, all);
	return false;
}

bool answer_set_switches(struct api_call *call, const struct switch_row *rows, size_t count, void *object, char *what,
			 size_t size, struct fault *fault)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(call->args, "set"), name, value) {
		const struct switch_row *row = switch_find(rows, count, str_of(name));
		const char *text = json_string_value(value);
		char before[VALUE_BYTES_MAX] = "";
		size_t len = strlen(what);

		if (!row)
			return unknown_switch(rows, count, name, fault);
		(void)row->get(object, before, sizeof(before));
		if (!text || !row->set(object, str_of(text))) {
			(void)fault_set(fault, OUTCOME_NEVER, N_("%s cannot be \"%s\"; it can be: %s"), name, text ? text : "",
					row->values);
			return false;
		}
		(void)snprintf(what + len, size - len, "%s%s %s (was %s)", len ? "; " : "", name, text, before[0] ? before : "empty");
	}
	return true;
}

void answer_tell_real_tenant(struct api_call *call, const struct switch_row *rows, size_t count, const char *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(call->args, "set"), name, value) {
		const struct switch_row *row = switch_find(rows, count, str_of(name));
		struct buf cmdlet;

		if (!row)
			continue;
		buf_init(&cmdlet, SWITCH_TEXT_MAX * 2);
		if (switch_cmdlet(row, str_of(object), str_of(json_string_value(value)), &cmdlet))
			api_note(call, N_("in the real tenant: %.*s"), (int)cmdlet.len, cmdlet.ptr);
		buf_done(&cmdlet);
		if (row->portal)
			api_note(call, N_("or in the portal: %s"), say(call->language, row->portal));
	}
}
