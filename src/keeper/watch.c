/* watch: messages whose first word from an upstream somebody waits for. */
#include <stdlib.h>

#include "base/clock.h"
#include "keeper/dispatch_private.h"

#define WATCHES_MAX 10000

struct watch {
	uint64_t id;
	uint64_t until_ms;
	bool (*on_word)(void *context, enum dispatch_word word, struct str reply);
	void *context;
	bool partly; /* some recipients are done with already: what is left cannot be refused as a whole */
};

bool dispatch_watch(struct dispatch *dispatch, uint64_t id, uint64_t wait_ms,
		    bool (*on_word)(void *context, enum dispatch_word word, struct str reply), void *context)
{
	struct watch *watch = dispatch->watches.count < WATCHES_MAX ? calloc(1, sizeof(*watch)) : NULL;

	if (!watch)
		return false;
	*watch = (struct watch){ .id = id, .until_ms = clock_monotonic_ms() + wait_ms, .on_word = on_word, .context = context };
	if (table_put(&dispatch->watches, TABLE_KEY(watch->id), watch))
		return true;
	free(watch);
	return false;
}

void dispatch_unwatch(struct dispatch *dispatch, uint64_t id)
{
	free(table_take(&dispatch->watches, TABLE_KEY(id)));
}

bool watch_tell(struct dispatch *dispatch, uint64_t id, const struct watch_fate *fate)
{
	struct watch *watch = table_find(&dispatch->watches, TABLE_KEY(id));
	bool refused, told;

	if (!watch)
		return false;
	refused = fate->left == 0 && fate->delivered == 0 && !watch->partly;
	watch->partly = watch->partly || fate->delivered + fate->refused > 0;
	if (fate->left > 0 && clock_monotonic_ms() + fate->wait_ms < watch->until_ms)
		return false; /* the next attempt may still be in time */
	told = watch->on_word(watch->context, fate->left > 0 ? DISPATCH_LATER : refused ? DISPATCH_REFUSED : DISPATCH_TAKEN, fate->reply);
	dispatch_unwatch(dispatch, id);
	return told && refused;
}
