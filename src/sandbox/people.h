/* people: what the sandbox has given to somebody who signs in with a browser, and to an application for one: device codes, codes of the page, refresh
 * tokens, and the assertions it has seen. For any thread. */
#ifndef SANDBOX_PEOPLE_H
#define SANDBOX_PEOPLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define PEOPLE_ITEMS_MAX 1024 /* the oldest goes */
#define PEOPLE_VALUE_MAX 48

enum people_kind { PEOPLE_DEVICE, PEOPLE_PAGE, PEOPLE_REFRESH, PEOPLE_ASSERTION };
enum people_state { PEOPLE_OPEN, PEOPLE_AGREED, PEOPLE_REFUSED, PEOPLE_USED };

struct people_item {
	enum people_kind kind;
	enum people_state state;
	char value[PEOPLE_VALUE_MAX];
	char user_code[16];
	char challenge[64]; /* of a page's code */
	uint64_t until_ms, asked_ms; /* monotonic */
};

struct people {
	pthread_mutex_t mutex;
	struct people_item items[PEOPLE_ITEMS_MAX];
	uint64_t count;
};

void people_init(struct people *people);

/* A new one with a value of its own; *ret_item is a copy. */
void people_give(struct people *people, enum people_kind kind, unsigned seconds, const char *challenge, struct people_item *ret_item);
/* False: it is known already. */
bool people_note_assertion(struct people *people, const char *id, unsigned seconds);

/* A copy of it as it was before: a device code notes the time, any other that is still open is used up by this. False: none, or its time is over (then
 * *ret_item is it). */
bool people_take(struct people *people, enum people_kind kind, const char *value, struct people_item *ret_item);
/* Somebody types in a code. False: none such. */
bool people_decide(struct people *people, const char *user_code, bool agrees);

#endif
