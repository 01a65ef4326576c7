/* event_id: a short name for what happened, readable aloud, unique for ever on all nodes: 3 characters node, 7 counter,
 * of the 30 digits and capitals that nobody confuses (no 0 O 1 I L U). */
#ifndef DOMAIN_EVENT_ID_H
#define DOMAIN_EVENT_ID_H

#include <stdint.h>

#include "base/str.h"

#define EVENT_ID_LEN 10
#define EVENT_ID_NODES 27000u        /* 30^3 */
#define EVENT_ID_COUNTS 21870000000u /* 30^7 */

void event_id_print(uint32_t node, uint64_t count, char ret_text[EVENT_ID_LEN + 1]);
bool event_id_parse(struct str text, char ret_text[EVENT_ID_LEN + 1]); /* any case, blanks and dashes dropped; false: none */

/* The number in it, whatever the node. False: `text` is no event ID. */
bool event_id_count(const char *text, uint64_t *ret_count);

#endif
