/* mime_field: the fields of one header section and their parameters (RFC 5322, 2.2; RFC 2045, 5.1), for what looks at the parts of a message. */
#ifndef WIRE_MIME_FIELD_H
#define WIRE_MIME_FIELD_H

#include "base/str.h"

/* Cut the next field, with the lines that it is folded into, off `rest`. The name is as it came, the value trimmed. False: nothing is left. A line
 * that is no field, the empty one at the end too, has an empty name and stands in the value. */
bool mime_field_next(struct str *rest, struct str *ret_name, struct str *ret_value);
struct str mime_field(struct str head, const char *name); /* the value of the first of that name; empty: none */

/* Cut the next "name=value" off a field's value; `ret_value` without its quotes, as it came. False: there are no more. */
bool mime_parameter_next(struct str *rest, struct str *ret_name, struct str *ret_value);

/* Would a change of the message break a signature? By a field's name (DKIM …); by a media type (S/MIME, PGP: RFC 8551, 3156). */
bool mime_field_signs(struct str name);
bool mime_type_signs(struct str type);

#endif
