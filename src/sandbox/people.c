#include "sandbox/people.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

void people_init(struct people *people)
{
	memset(people, 0, sizeof(*people));
	(void)pthread_mutex_init(&people->mutex, NULL);
}

static void random_text(size_t len, char *ret_text)
{
	static const char alphabet[] = "BCDFGHJKLMNPQRSTVWXZ";

	for (size_t i = 0; i < len; i++)
		ret_text[i] = alphabet[random_below(sizeof(alphabet) - 1)];
	ret_text[len] = '\0';
}

static struct people_item *place(struct people *people)
{
	return &people->items[people->count++ % PEOPLE_ITEMS_MAX];
}

static struct people_item *find(struct people *people, enum people_kind kind, const char *value)
{
	for (size_t i = 0; i < PEOPLE_ITEMS_MAX; i++) {
		struct people_item *item = &people->items[i];

		if (item->value[0] && item->kind == kind && strcmp(item->value, value) == 0)
			return item;
	}
	return NULL;
}

void people_give(struct people *people, enum people_kind kind, unsigned seconds, const char *challenge, struct people_item *ret_item)
{
	struct people_item item = { .kind = kind, .until_ms = clock_monotonic_ms() + seconds * UINT64_C(1000) };

	random_text(sizeof(item.value) - 1, item.value);
	random_text(9, item.user_code);
	(void)str_copy(str_of(challenge), sizeof(item.challenge), item.challenge);
	(void)pthread_mutex_lock(&people->mutex);
	*place(people) = item;
	(void)pthread_mutex_unlock(&people->mutex);
	*ret_item = item;
}

bool people_note_assertion(struct people *people, const char *id, unsigned seconds)
{
	struct people_item item = { .kind = PEOPLE_ASSERTION, .until_ms = clock_monotonic_ms() + seconds * UINT64_C(1000) };
	bool known;

	(void)str_copy(str_of(id), sizeof(item.value), item.value);
	(void)pthread_mutex_lock(&people->mutex);
	known = item.value[0] == '\0' || find(people, PEOPLE_ASSERTION, item.value);
	if (!known)
		*place(people) = item;
	(void)pthread_mutex_unlock(&people->mutex);
	return !known;
}

bool people_take(struct people *people, enum people_kind kind, const char *value, struct people_item *ret_item)
{
	struct people_item *item;
	uint64_t now_ms = clock_monotonic_ms();

	memset(ret_item, 0, sizeof(*ret_item));
	(void)pthread_mutex_lock(&people->mutex);
	item = find(people, kind, value);
	if (item) {
		*ret_item = *item;
		item->asked_ms = now_ms;
		if (kind != PEOPLE_DEVICE || item->state == PEOPLE_AGREED)
			item->state = PEOPLE_USED;
	}
	(void)pthread_mutex_unlock(&people->mutex);
	return item && now_ms < ret_item->until_ms;
}

bool people_decide(struct people *people, const char *user_code, bool agrees)
{
	bool found = false;

	(void)pthread_mutex_lock(&people->mutex);
	for (size_t i = 0; i < PEOPLE_ITEMS_MAX; i++) {
		struct people_item *item = &people->items[i];

		if (item->kind != PEOPLE_DEVICE || item->state != PEOPLE_OPEN || strcmp(item->user_code, user_code) != 0)
			continue;
		item->state = agrees ? PEOPLE_AGREED : PEOPLE_REFUSED;
		found = true;
	}
	(void)pthread_mutex_unlock(&people->mutex);
	return found;
}
