/* zone: the time zone of what people read. */
#ifndef SYS_ZONE_H
#define SYS_ZONE_H

#include <stdint.h>

/* This process's zone from here on, such as "Asia/Tokyo"; NULL: the system's. At the start, before there are threads. */
void zone_use(const char *name);

/* How far east of UTC the zone's clock is at that time. */
int64_t zone_offset_us(int64_t real_us);

#endif
