#include "sys/zone.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

void zone_use(const char *name)
{
	if (name)
		(void)setenv("TZ", name, 1);
	tzset();
}

int64_t zone_offset_us(int64_t real_us)
{
	time_t seconds = (time_t)(real_us / 1000000);
	struct tm parts;

	return localtime_r(&seconds, &parts) ? (int64_t)parts.tm_gmtoff * 1000000 : 0;
}
