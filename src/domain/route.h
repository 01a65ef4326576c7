/* route: the routes that an administrator adds while the gateway runs: checked as those of the settings file are, asked before them, each
 * under an ID that is never given twice. Pure; they are kept by keep/ledger. */
#ifndef DOMAIN_ROUTE_H
#define DOMAIN_ROUTE_H

#include "domain/settings.h"

#define ROUTES_ADDED_MAX 256
#define ROUTE_ID_MAX 32
#define ROUTE_TEXT_MAX 4096 /* of route_print */

/* In the order in which they are asked. A list is made whole, and a change makes another. */
struct route_list {
	struct arena arena;
	struct route_settings *rules; /* ROUTES_ADDED_MAX of each */
	uint64_t *numbers;
	size_t count;
};

struct route_list *route_list_new(void);        /* NULL: out of memory */
void route_list_free(struct route_list *list);  /* NULL is nothing */
/* Put a copy in at `at`, before those that stand there. False: ROUTES_ADDED_MAX are there, or out of memory. */
bool route_list_put(struct route_list *list, size_t at, uint64_t number, const struct route_settings *rule);
bool route_list_copy(const struct route_list *list, struct route_list *ret_list); /* into a new one */

/* What somebody typed, NULL where nothing was. NEVER: what is wrong, in the words of the settings file. The rule borrows the texts; `*` is any. */
struct route_text {
	const char *tenant, *from, *size_over_bytes, *upstream;
};
enum outcome route_parse(const struct route_text *text, struct route_settings *ret_rule, struct fault *fault);
/* As it would be typed: "--tenant contoso.example --from @contoso.example --size-over-bytes 100 --upstream main". */
bool route_print(const struct route_settings *rule, struct buf *out);

/* All in the order in which they are asked: first those of `list`, then those of the file. */
size_t route_count(const struct settings *settings, const struct route_list *list);
const struct route_settings *route_at(const struct settings *settings, const struct route_list *list, size_t at);
/* "r7", added; "settings-2", the second of the file. */
void route_id_print(const struct route_list *list, size_t at, char ret_id[ROUTE_ID_MAX]);
bool route_find(const struct settings *settings, const struct route_list *list, struct str id, size_t *ret_at); /* in any case */

bool route_is_in_force(const struct settings *settings, const struct route_settings *rule); /* its upstream is in the file */
bool route_is_same(const struct route_settings *a, const struct route_settings *b);
/* Does `a` take all mail that `b` would? */
bool route_takes_all_of(const struct route_settings *a, const struct route_settings *b);
/* The first one in force before `at` that takes all of its mail, so that it is never reached. False: there is none. */
bool route_taken_by(const struct settings *settings, const struct route_list *list, size_t at, size_t *ret_by);

/* Do two settings files say the same of every message? Their upstreams by name, and their routes. */
bool route_files_agree(const struct settings *a, const struct settings *b);

#endif
