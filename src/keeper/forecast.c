#include "keeper/forecast.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "courier/proof.h"
#include "sys/certificate_view.h"
#include "sys/zone.h"

#define TEXTS_BYTES_MAX (1u << 20)
#define PEM_BYTES_MAX (4u << 20)
#define DAY_US (86400ll * 1000000)
#define REFRESH_DAYS 90
#define REFRESH_DAYS_GOOGLE 180

struct forecast {
	struct arena arena;
	struct forecast_item *items; /* FORECAST_ITEMS_MAX of them */
	size_t count;
	int64_t now_us;
};

void forecast_add(struct forecast *forecast, enum forecast_kind kind, struct str name, struct str subject, struct str source,
		  int64_t expires_us)
{
	struct forecast_item item = { .kind = kind, .expires_us = expires_us };

	if (expires_us == 0 || forecast->count == FORECAST_ITEMS_MAX || !arena_keep(&forecast->arena, name, &item.name) ||
	    !arena_keep(&forecast->arena, subject, &item.subject) || !arena_keep(&forecast->arena, source, &item.source))
		return;
	forecast_judge(&item, forecast->now_us, zone_offset_us(forecast->now_us), zone_offset_us(expires_us));
	forecast->items[forecast->count++] = item;
}

/* --- sources --- */

static void from_settings(struct keeper *keeper, struct forecast *forecast)
{
	for (size_t i = 0; i < keeper->settings->upstreams_count; i++) {
		const struct upstream_settings *upstream = &keeper->settings->upstreams[i];
		int64_t expires_us;

		if (upstream->client_secret_expires && clock_rfc3339_parse(str_of(upstream->client_secret_expires), &expires_us))
			forecast_add(forecast, FORECAST_CLIENT_SECRET, str_of(upstream->name), str_of(upstream->client_id),
				     STR("settings"), expires_us);
	}
}

/* A date in the settings wins: then Graph is not asked. */
static void from_graph(struct keeper *keeper, struct forecast *forecast)
{
	for (size_t i = 0; i < keeper->settings->upstreams_count; i++) {
		const struct upstream_settings *upstream = &keeper->settings->upstreams[i];
		struct courier_ends ends;
		char next[FORECAST_TEXT_MAX];

		if (!courier_ends(keeper->courier, str_of(upstream->name), &ends))
			continue;
		forecast_add(forecast, FORECAST_CLIENT_SECRET, str_of(upstream->name), str_of(upstream->client_id), STR("Graph"), ends.secret_us);
		(void)snprintf(next, sizeof(next), "%s (client-secret-file-next)", upstream->client_id);
		forecast_add(forecast, FORECAST_CLIENT_SECRET, str_of(upstream->name), str_of(next), STR("Graph"), ends.secret_next_us);
	}
}

static bool take_first(void *context, const struct certificate_view *view)
{
	*(struct certificate_view *)context = *view;
	return false;
}

/* A PKCS#12 file is closed to all but the courier, which has its password. */
static void from_upstream_certificates(struct keeper *keeper, struct forecast *forecast)
{
	for (size_t i = 0; i < keeper->settings->upstreams_count; i++) {
		const struct upstream_settings *upstream = &keeper->settings->upstreams[i];
		CLEANUP(buf_wipe) struct buf pem = { 0 }; /* the key may stand in the same file */
		struct certificate_view view = { 0 };
		struct courier_ends ends;
		bool sooner;

		if (!upstream->certificate_file)
			continue;
		if (file_load(upstream->certificate_file, PEM_BYTES_MAX, &pem, NULL) != OUTCOME_OK ||
		    certificate_view_each(buf_str(&pem), upstream->certificate_file, take_first, &view, NULL) != OUTCOME_OK) {
			view.not_after_us = proof_certificate_ends_us(upstream);
			(void)str_copy(str_of(upstream->client_id), sizeof(view.common_name), view.common_name);
		}
		/* A registration may end before its certificate does. */
		sooner = courier_ends(keeper->courier, str_of(upstream->name), &ends) && ends.certificate_us && ends.certificate_us < view.not_after_us;
		forecast_add(forecast, FORECAST_CLIENT_CERTIFICATE, str_of(upstream->name), str_of(view.common_name),
			     sooner ? STR("Graph") : str_of(upstream->certificate_file), sooner ? ends.certificate_us : view.not_after_us);
	}
}

/* Microsoft, "Refresh tokens": 90 days without use; Google, "Refresh token expiration": six months. */
static void from_refresh_tokens(struct keeper *keeper, struct forecast *forecast)
{
	for (size_t i = 0; i < keeper->settings->upstreams_count; i++) {
		const struct upstream_settings *upstream = &keeper->settings->upstreams[i];
		int64_t renewed_us = courier_signed_in_us(keeper->courier, str_of(upstream->name));
		bool google = upstream->cloud && str_eq(str_of(upstream->cloud), STR("google"));

		if (renewed_us)
			forecast_add(forecast, FORECAST_REFRESH_TOKEN, str_of(upstream->name), str_of(upstream->mailbox), STR("vault"),
				     renewed_us + (google ? REFRESH_DAYS_GOOGLE : REFRESH_DAYS) * DAY_US);
	}
}

/* What the gates show, not what lies in the file by now: a new certificate does not help before a reload. */
static void from_listeners(struct keeper *keeper, struct forecast *forecast)
{
	struct str rest = keeper->boot.certificates;
	struct boot_pair pair;

	for (size_t i = 0; i < keeper->settings->listeners_count; i++) {
		const struct listener_settings *listener = &keeper->settings->listeners[i];

		for (size_t k = 0; k < listener->certificates_count && boot_pair_next(&rest, &pair); k++) {
			struct certificate_view view = { 0 };

			if (certificate_view_each(pair.certificate, listener->certificates[k], take_first, &view, NULL) == OUTCOME_OK)
				forecast_add(forecast, FORECAST_LISTENER_CERTIFICATE, str_of(listener->name),
					     str_of(view.common_name), str_of(listener->certificates[k]), view.not_after_us);
		}
	}
}

static bool take_latest(void *context, const struct certificate_view *view)
{
	struct certificate_view *latest = context;

	if (view->not_after_us > latest->not_after_us)
		*latest = *view;
	return true;
}

/* Old authorities may stay in the file for years: the file has expired when its last one has. */
static void from_authorities(struct keeper *keeper, struct forecast *forecast)
{
	for (size_t i = 0; i < keeper->settings->upstreams_count; i++) {
		const struct upstream_settings *upstream = &keeper->settings->upstreams[i];
		CLEANUP(cleanup_buf) struct buf pem = { 0 };
		struct certificate_view view = { 0 };

		if (upstream->ca_file && file_load(upstream->ca_file, PEM_BYTES_MAX, &pem, NULL) == OUTCOME_OK &&
		    certificate_view_each(buf_str(&pem), upstream->ca_file, take_latest, &view, NULL) == OUTCOME_OK)
			forecast_add(forecast, FORECAST_AUTHORITY, str_of(upstream->name), str_of(view.common_name),
				     str_of(upstream->ca_file), view.not_after_us);
	}
}

static void add_access_token(void *context, const struct courier_status *status)
{
	if (status->mailbox.len == 0)
		forecast_add(context, FORECAST_ACCESS_TOKEN, status->upstream, STR("all mailboxes"), STR("token endpoint"),
			     status->token_expires_us);
}

static void from_access_tokens(struct keeper *keeper, struct forecast *forecast)
{
	courier_each(keeper->courier, add_access_token, forecast);
}

/* To add a source: a row. */
static void (*const sources[])(struct keeper *keeper, struct forecast *forecast) = {
	from_settings, from_graph, from_upstream_certificates, from_refresh_tokens, from_listeners, from_authorities, from_access_tokens,
};

/* --- all of them --- */

void forecast_each(struct keeper *keeper, void (*each)(void *context, const struct forecast_item *item), void *context)
{
	struct forecast forecast = { .now_us = clock_real_us() };

	arena_init(&forecast.arena, TEXTS_BYTES_MAX);
	forecast.items = arena_take(&forecast.arena, FORECAST_ITEMS_MAX * sizeof(*forecast.items));
	if (!forecast.items)
		return;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		sources[i](keeper, &forecast);
	forecast_sort(forecast.items, forecast.count);
	for (size_t i = 0; i < forecast.count; i++)
		each(context, &forecast.items[i]);
	arena_free_all(&forecast.arena);
}

static void add_json(void *context, const struct forecast_item *item)
{
	char expires[CLOCK_RFC3339_MAX];

	clock_rfc3339_print(item->expires_us, expires);
	(void)json_array_append_new(
		context, json_pack("{s:s,s:s%,s:s%,s:s,s:i,s:s,s:s%}", "kind", forecast_kind_name(item->kind), "name", item->name.ptr,
				   item->name.len, "subject", item->subject.ptr, item->subject.len, "expiresDateTime", expires, "daysLeft",
				   item->days_left, "urgency", forecast_urgency_name(item->urgency), "source", item->source.ptr,
				   item->source.len));
}

json_t *forecast_json(struct keeper *keeper)
{
	json_t *all = json_array();

	if (all)
		forecast_each(keeper, add_json, all);
	return all;
}
