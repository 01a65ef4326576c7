#include "domain/nearest.h"

#include <string.h>

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: the table by rows, of which the last two are needed. */
static unsigned slips(struct str a, struct str b)
{
	unsigned rows[3][NEAREST_LEN_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	for (unsigned k = 0; k <= b.len; k++)
		last[k] = k;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t k = 1; k <= b.len; k++) {
			bool same = lower(a.ptr[i - 1]) == lower(b.ptr[k - 1]);

			row[k] = least(least(last[k] + 1, row[k - 1] + 1), last[k - 1] + !same);
			if (i > 1 && k > 1 && lower(a.ptr[i - 1]) == lower(b.ptr[k - 2]) &&
			    lower(a.ptr[i - 2]) == lower(b.ptr[k - 1]))
				row[k] = least(row[k], before[k - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b.len];
}

static struct str begins_with(struct str typed, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count && typed.len >= 2; i++) {
		if (str_starts_nocase(str_of(names[i]), typed))
			return str_of(names[i]);
	}
	return STR("");
}

struct str nearest(struct str typed, const char *const *names, size_t count)
{
	struct str best = STR("");
	unsigned best_slips = 0;

	if (typed.len == 0 || typed.len > NEAREST_LEN_MAX)
		return best;
	for (size_t i = 0; i < count; i++) {
		struct str name = str_of(names[i]);
		size_t longer = name.len > typed.len ? name.len : typed.len;
		unsigned found;

		if (name.len == 0 || name.len > NEAREST_LEN_MAX)
			continue;
		found = slips(typed, name);
		if (found > (longer + 2) / 3 || found >= longer || (best.len && found >= best_slips))
			continue;
		best = name;
		best_slips = found;
	}
	return best.len ? best : begins_with(typed, names, count);
}
