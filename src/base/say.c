#include "base/say.h"

#include <stdlib.h>
#include <string.h>

static int by_english(const void *key, const void *entry)
{
	return strcmp(key, ((const struct say_entry *)entry)->english);
}

const char *say(enum language language, const char *english)
{
	const struct say_entry *found = NULL;

	if (language == LANGUAGE_JA)
		found = bsearch(english, say_japanese, say_japanese_count, sizeof(*say_japanese), by_english);
	return found ? found->translated : english;
}

bool language_parse(struct str text, enum language *ret_language)
{
	static const char *const names[LANGUAGE_COUNT] = { [LANGUAGE_EN] = "en", [LANGUAGE_JA] = "ja" };

	for (int i = 0; i < LANGUAGE_COUNT; i++) {
		if (str_starts_nocase(text, str_of(names[i])) &&
		    (text.len == 2 || text.ptr[2] == '_' || text.ptr[2] == '-')) {
			*ret_language = (enum language)i;
			return true;
		}
	}
	return false;
}
