#include "domain/rehearsal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

/* A device whose last sign-in was refused. */
struct refused {
	size_t len;
	char name[];
};

struct rehearsal {
	struct table refused; /* by name */
};

struct rehearsal *rehearsal_new(void)
{
	return calloc(1, sizeof(struct rehearsal));
}

void rehearsal_free(struct rehearsal *rehearsal)
{
	struct refused *one;
	size_t at = 0;

	if (!rehearsal)
		return;
	while ((one = table_next(&rehearsal->refused, &at)))
		free(one);
	table_done(&rehearsal->refused);
	free(rehearsal);
}

static bool is_named(const struct rehearsal_plan *plan, struct str user)
{
	struct str rest = str_of(plan->users);

	if (rest.len == 0)
		return true;
	while (rest.len > 0) {
		if (str_eq_nocase(str_cut(&rest, ' '), user))
			return true;
	}
	return false;
}

static void remember(struct rehearsal *rehearsal, struct str device)
{
	struct refused *one = rehearsal->refused.count < REHEARSAL_DEVICES_MAX ? malloc(sizeof(*one) + device.len) : NULL;

	if (!one)
		return;
	one->len = device.len;
	memcpy(one->name, device.ptr, device.len);
	if (!table_put(&rehearsal->refused, (struct str){ one->name, one->len }, one))
		free(one);
}

bool rehearsal_wants(struct rehearsal *rehearsal, const struct rehearsal_plan *plan, struct str user, struct str device,
		     int64_t now_us, uint32_t chance)
{
	uint64_t share = (uint64_t)plan->percent * (UINT32_MAX / 100);

	if (plan->percent == 0 || now_us < plan->begins_us || now_us >= plan->ends_us || !is_named(plan, user))
		return false;
	if (plan->percent >= 100)
		return true;
	if (!plan->twice) {
		void *last = table_take(&rehearsal->refused, device);

		if (last) {
			free(last);
			return false;
		}
		/* After a refusal one always passes: p/(1-p) of the others gives p of all. Half is the most there can be. */
		share = plan->percent >= 50 ? UINT32_MAX : share * 100 / (100 - plan->percent);
	}
	if (chance >= share)
		return false;
	if (!plan->twice)
		remember(rehearsal, device);
	return true;
}

bool rehearsal_plan_print(const struct rehearsal_plan *plan, size_t size, char *ret_text)
{
	json_t *json = json_pack("{s:i,s:I,s:I,s:b,s:s}", "percent", (int)plan->percent, "beginsUs", (json_int_t)plan->begins_us,
				 "endsUs", (json_int_t)plan->ends_us, "twice", plan->twice, "users", plan->users);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	bool fits = text && str_copy(str_of(text), size, ret_text);

	free(text);
	json_decref(json);
	return fits;
}

bool rehearsal_plan_parse(struct str text, struct rehearsal_plan *ret_plan)
{
	json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
	struct rehearsal_plan plan = { 0 };
	const char *users = "";
	json_int_t begins = 0;
	json_int_t ends = 0;
	int percent = 0;
	int twice = 0;
	bool good = json && json_unpack(json, "{s:i,s:I,s:I,s:b,s:s}", "percent", &percent, "beginsUs", &begins, "endsUs", &ends,
					"twice", &twice, "users", &users) == 0 &&
		    percent >= 0 && percent <= 100 && str_copy(str_of(users), sizeof(plan.users), plan.users);

	if (good) {
		plan.percent = (unsigned)percent;
		plan.begins_us = begins;
		plan.ends_us = ends;
		plan.twice = twice != 0;
		*ret_plan = plan;
	}
	json_decref(json);
	return good;
}
