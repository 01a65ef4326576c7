#include <stdio.h>

#include "keeper/dispatch_private.h"

static size_t add_way(struct way *ways, size_t count, struct str upstream, struct str mailbox)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(ways[i].upstream, upstream) && str_eq(ways[i].mailbox, mailbox))
			return count;
	}
	if (count < WAYS_MAX)
		ways[count++] = (struct way){ upstream, mailbox };
	return count;
}

/* Its own mailbox first, then the others that mail is spread over. */
static size_t add_upstream(struct way *ways, size_t count, const struct upstream_settings *upstream, struct str own)
{
	const struct mailbox_list *list = &upstream->mailboxes;
	bool is_one_of_them = false;

	count = add_way(ways, count, str_of(upstream->name), own);
	for (size_t i = 0; i < list->count; i++)
		is_one_of_them = is_one_of_them || str_eq(str_of(list->items[i]), own);
	for (size_t i = 0; is_one_of_them && i < list->count; i++)
		count = add_way(ways, count, str_of(upstream->name), str_of(list->items[i]));
	return count;
}

/* After an end that nobody knows, another upstream could only tell that it has the message already by its Message-ID. */
static bool may_fall_back(const struct spool_message *message)
{
	return message->message_id.len > 0 || !str_starts(message->note, STR(TRACE_AMBIGUOUS));
}

/* It was tried there, and can never go by that upstream. */
static bool is_barred(const struct spool_message *message, struct str upstream)
{
	struct str note = message->note;

	while (note.len > 0) {
		struct str word = str_cut(&note, ' ');

		if (!str_starts(word, STR(TRACE_NOT_BY)))
			continue;
		word = str_skip(word, sizeof(TRACE_NOT_BY) - 1);
		if (str_starts(word, upstream) && word.len > upstream.len && word.ptr[upstream.len] == ':')
			return true;
	}
	return false;
}

/* Without those that cannot carry it; all of them when none is left, so that it is said again why. */
static size_t leave_barred(const struct spool_message *message, struct way *ways, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_barred(message, ways[i].upstream))
			ways[left++] = ways[i];
	}
	return left > 0 ? left : count;
}

/* What the routes say today. What was taken in stays where it was put when they say nothing, when it is one of this gateway's own, or when only
 * that upstream could tell whether it has it already. NULL: gone from the settings, and no route fits. */
static const struct upstream_settings *upstream_now(const struct settings *settings, const struct spool_message *message)
{
	const struct upstream_settings *stored = settings_upstream(settings, message->route);
	const struct upstream_settings *now;

	if (stored && (message->is_dsn != SPOOL_NOT_OURS || !may_fall_back(message)))
		return stored;
	now = settings_route(settings, message->tenant, message->sender, message->size_bytes);
	return now ? now : stored;
}

bool way_strays(const struct dispatch *dispatch, const struct spool_message *message)
{
	const struct upstream_settings *upstream = upstream_now(dispatch->settings, message);

	return upstream && !str_eq(str_of(upstream->name), message->route);
}

/* Its own mailbox, or, by another upstream than it was put to, that which it would have if it came just now. */
static const struct upstream_settings *way_now(const struct settings *settings, const struct spool_message *message, struct str *ret_mailbox)
{
	const struct upstream_settings *upstream = upstream_now(settings, message);

	*ret_mailbox = message->mailbox;
	if (upstream && !str_eq(str_of(upstream->name), message->route))
		*ret_mailbox = settings_mailbox(upstream, message->account, message->sender);
	return upstream;
}

bool dispatch_way(const struct dispatch *dispatch, const struct spool_message *message, struct str *ret_upstream, struct str *ret_mailbox)
{
	const struct upstream_settings *upstream = way_now(dispatch->settings, message, ret_mailbox);

	*ret_upstream = upstream ? str_of(upstream->name) : message->route;
	return upstream;
}

size_t way_list(const struct dispatch *dispatch, const struct item *item, struct way ret_ways[WAYS_MAX])
{
	const struct settings *settings = dispatch->settings;
	const struct spool_message *message = &item->message;
	struct str mailbox;
	const struct upstream_settings *upstream = way_now(settings, message, &mailbox);
	const struct upstream_settings *fallback;
	size_t count;

	if (!upstream)
		return 0;
	count = add_upstream(ret_ways, 0, upstream, mailbox);
	fallback = upstream->fallback ? settings_upstream(settings, str_of(upstream->fallback)) : NULL;
	if (fallback && may_fall_back(message) &&
	    (is_barred(message, str_of(upstream->name)) ||
	     courier_troubled_ms(dispatch->courier, str_of(upstream->name), mailbox) > settings->limits.fallback_after_seconds * 1000))
		count = add_upstream(ret_ways, count, fallback, settings_mailbox(fallback, message->account, message->sender));
	return leave_barred(message, ret_ways, count);
}

bool way_has_fallback(const struct item *item)
{
	struct way ways[WAYS_MAX];
	size_t count = way_list(item->dispatch, item, ways);

	return count > 1 && str_eq(item->way_upstream, ways[0].upstream) && !str_eq(ways[count - 1].upstream, ways[0].upstream);
}

bool way_bar(struct item *item, const char *cause)
{
	struct spool_message *message = &item->message;
	struct str upstream = item->way_upstream;
	struct str before = message->note;
	struct way ways[WAYS_MAX];
	char text[1100];
	int len = snprintf(text, sizeof(text), "%.*s%s" TRACE_NOT_BY "%.*s:%s", STR_ARG(before), before.len ? " " : "", STR_ARG(upstream), cause);

	if (len < 0 || (size_t)len >= sizeof(text) || is_barred(message, upstream) ||
	    !arena_keep(&item->arena, str_of(text), &message->note))
		return false;
	if (way_list(item->dispatch, item, ways) > 0 && !is_barred(message, ways[0].upstream))
		return true;
	message->note = before;
	return false;
}
