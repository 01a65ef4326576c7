/* import_time: the times of exports: RFC 3339, or as a browser writes them in its user's language, in the order that a rule finds. Pure. */
#ifndef DOMAIN_IMPORT_TIME_H
#define DOMAIN_IMPORT_TIME_H

#include <stdint.h>

#include "base/str.h"

/* The order of day and month in 4/12/2025. A year that stands first is never in doubt, nor are dots: 4.12.2025 is the day first. */
enum date_order { DATE_ORDER_OPEN, DATE_ORDER_MONTH_FIRST, DATE_ORDER_DAY_FIRST };

/* What a time alone tells of its file: that order when one of the first two numbers is no month; OPEN when it may be either. */
enum date_order import_time_order(struct str text);
bool import_time_is_open(struct str text); /* may be either: who reads it takes the file's order */
bool date_order_parse(struct str text, enum date_order *ret_order); /* "mdy", "dmy" */

/*
 * Microseconds since 1970. OPEN is read as the month first. A clock time may have a fraction and AM or PM (also 午前, 午後 before
 * it); without a zone it is UTC, and *ret_zone is false. False: no such time.
 */
bool import_time_parse(struct str text, enum date_order order, int64_t *ret_us, bool *ret_zone);

#endif
