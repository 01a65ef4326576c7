/* nearest: which of the known names somebody meant who typed another: for "did you mean …?". */
#ifndef DOMAIN_NEAREST_H
#define DOMAIN_NEAREST_H

#include "base/str.h"

#define NEAREST_LEN_MAX 64 /* a longer text or name is like no other */

/*
 * The one of `names` that is the fewest slips away from `typed` (a letter too many, missing, wrong, or two swapped; case
 * does not count), the first of several; empty when none is near: more than one slip in three letters. A name that begins
 * with what was typed (at least two letters) is near too, when nothing nearer is.
 */
struct str nearest(struct str typed, const char *const *names, size_t count);

#endif
