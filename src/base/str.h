/* str: a borrowed run of bytes. Not NUL-terminated; never freed through this. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *ptr;
	size_t len;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
/* For printf: "%.*s", STR_ARG(text). */
#define STR_ARG(text) (int)(text).len, (text).ptr

struct str str_of(const char *zero_terminated); /* NULL gives an empty one */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str text, struct str with);
bool str_starts_nocase(struct str text, struct str with);
bool str_ends_nocase(struct str text, struct str with);

/* Where `what` first stands in `text`; text.len when nowhere. */
size_t str_find(struct str text, char what);
size_t str_find_last(struct str text, char what);

/* Split at the first `sep`: returns what is before it, leaves what is after (empty when there was none). */
struct str str_cut(struct str *rest, char sep);

/* Without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str text);
struct str str_skip(struct str text, size_t count); /* without the first `count` bytes, at most all */

/* Decimal digits only, the whole of `text`. False: empty, another byte, or more than `value_max`. */
bool str_to_u64(struct str text, uint64_t value_max, uint64_t *ret_value);

/* Copy with a closing NUL. False, and an empty string, when it does not fit into `size` or holds a NUL. */
bool str_copy(struct str text, size_t size, char *ret_text);

/* Owned, NUL-terminated copy in lower case ASCII (or as it is); NULL when memory is short. */
char *str_dup(struct str text);
char *str_dup_lower(struct str text);

bool str_is_utf8(struct str text); /* RFC 3629: no over-long form, no surrogate */
bool str_is_ascii(struct str text);

/* In the time that the length takes, whatever the bytes are: for secrets. */
bool str_eq_secret(struct str a, struct str b);

#endif
