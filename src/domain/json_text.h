/* json_text: any bytes as a JSON string, for what devices and servers said: jansson takes UTF-8 only. */
#ifndef DOMAIN_JSON_TEXT_H
#define DOMAIN_JSON_TEXT_H

#include <jansson.h>
#include <stdint.h>

#include "base/str.h"

/* Each byte that is no UTF-8 becomes U+FFFD. NULL: out of memory. */
json_t *json_text(struct str text);

json_t *json_time(int64_t real_us); /* RFC 3339, UTC; null when 0 */

/* Set `name` to `value` (its reference is taken); false, also when `value` is NULL: out of memory. */
bool json_put(json_t *object, const char *name, json_t *value) __attribute__((warn_unused_result));

#endif
