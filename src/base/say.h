/* say: the one catalogue of sentences for people. The language goes with each request; no locale is asked. */
#ifndef BASE_SAY_H
#define BASE_SAY_H

#include <stdbool.h>

#include "base/str.h"

enum language { LANGUAGE_EN, LANGUAGE_JA, LANGUAGE_COUNT };

/* Marks a sentence in a table, so that the catalogue's test finds it; say() translates it where it is used. */
#define N_(sentence) sentence

/* The sentence in `language`: `english` itself where the catalogue has none. A printf format stays one, with the
 * same conversions (the Japanese may number them: "%2$s"). */
const char *say(enum language language, const char *english) __attribute__((format_arg(2)));

/* "ja" or "en", also "ja_JP.UTF-8". False: another. */
bool language_parse(struct str text, enum language *ret_language);

/* What tools/catalogue.py makes of po/ja.po. */
struct say_entry {
	const char *english;
	const char *translated;
};
extern const struct say_entry say_japanese[];
extern const unsigned long say_japanese_count;

#endif
