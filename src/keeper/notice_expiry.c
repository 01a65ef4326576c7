/* notice_expiry: secrets, certificates and tokens that end, as keeper/forecast sees them: 30, 7 and 1 days before, and when they have. */
#include <assert.h>
#include <stdio.h>

#include "domain/json_text.h"
#include "keeper/forecast.h"
#include "keeper/notice_private.h"

static const char *const items[] = {
	[FORECAST_CLIENT_SECRET] = N_("client secret"),
	[FORECAST_CLIENT_CERTIFICATE] = N_("client certificate"),
	[FORECAST_REFRESH_TOKEN] = N_("sign-in"),
	[FORECAST_ACCESS_TOKEN] = N_("access token"),
	[FORECAST_LISTENER_CERTIFICATE] = N_("listener's certificate"),
	[FORECAST_AUTHORITY] = N_("authority's certificate"),
};
static_assert(sizeof(items) / sizeof(*items) == FORECAST_KIND_COUNT, "name each kind");

/* The forecast's own sentence, in both languages. NULL: out of memory. */
static json_t *sentence(const struct forecast_item *item)
{
	char english[FORECAST_TEXT_MAX], japanese[FORECAST_TEXT_MAX];
	json_t *words = json_object();

	forecast_print(item, LANGUAGE_EN, sizeof(english), english);
	forecast_print(item, LANGUAGE_JA, sizeof(japanese), japanese);
	if (json_put(words, "en", json_text(str_of(english))) && json_put(words, "ja", json_text(str_of(japanese))))
		return words;
	json_decref(words);
	return NULL;
}

static void look(void *context, const struct forecast_item *item)
{
	struct notices *notices = context;
	char key[NOTICE_KEY_MAX], subject[256];
	size_t drafts = notices->drafts->count;
	unsigned mark;
	json_t *data;

	if (forecast_renews_itself(item->kind) || !notice_expiry_due(item->days_left, item->urgency == FORECAST_EXPIRED, &mark))
		return;
	data = json_object();
	if (!json_put(data, "item", notice_words(items[item->kind])) || !json_put(data, "kind", json_string(forecast_kind_name(item->kind))) ||
	    !json_put(data, "name", json_text(item->name)) || !json_put(data, "subject", json_text(item->subject)) ||
	    !json_put(data, "source", json_text(item->source)) || !json_put(data, "expires", json_time(item->expires_us)) ||
	    !json_put(data, "date", json_string(item->date)) || !json_put(data, "days", json_integer(item->days_left)) ||
	    !json_put(data, "mark", json_integer(mark)) || !json_put(data, "sentence", sentence(item))) {
		json_decref(data);
		return;
	}
	(void)snprintf(subject, sizeof(subject), "%s %.*s", forecast_kind_name(item->kind), STR_ARG(item->name));
	/* A file that several listeners show ends once. */
	if (str_starts(item->source, STR("/")))
		(void)snprintf(key, sizeof(key), "expiry/%s%.*s/%lld/%u", forecast_kind_name(item->kind), STR_ARG(item->source),
			       (long long)(item->expires_us / 1000000), mark);
	else
		(void)snprintf(key, sizeof(key), "expiry/%s/%.*s/%.*s/%lld/%u", forecast_kind_name(item->kind), STR_ARG(item->name),
			       STR_ARG(item->subject), (long long)(item->expires_us / 1000000), mark);
	notice_draft(notices, NOTICE_EXPIRY, key, str_of(subject), STR(""), data);
	if (notices->drafts->count > drafts)
		notices->drafts->items[drafts].severity = notice_expiry_severity(mark);
}

void notice_expiry(struct notices *notices)
{
	forecast_each(notices->keeper, look, notices);
}
