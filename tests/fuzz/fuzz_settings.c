/* settings: whatever the bytes, a sentence or settings that print and read back to the same. */
#include <stdlib.h>
#include <string.h>

#include "domain/settings.h"

#define PRINTED_BYTES_MAX (4u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* A sentence names file, line and column, and is one line of text. */
static void check_sentence(const struct fault *fault)
{
	for (int language = 0; language < LANGUAGE_COUNT; language++) {
		struct str text = str_of(fault->text[language]);

		must(str_starts(text, STR("/f/gw.yaml:")) && str_is_utf8(text) && str_find(text, '\n') == text.len);
	}
}

static void check_round_trip(const struct settings *settings, bool changed_only)
{
	struct settings *again = NULL;
	struct fault fault = { 0 };
	struct buf whole, printed;

	buf_init(&whole, PRINTED_BYTES_MAX);
	buf_init(&printed, PRINTED_BYTES_MAX);
	must(settings_print(settings, false, &whole) && settings_print(settings, changed_only, &printed));
	if (printed.len <= SETTINGS_BYTES_MAX) {
		must(settings_parse("/f/gw.yaml", buf_str(&printed), &again, &fault) == OUTCOME_OK);
		buf_clear(&printed);
		must(settings_print(again, false, &printed) && str_eq(buf_str(&whole), buf_str(&printed)));
		settings_free(again);
	}
	buf_done(&whole);
	buf_done(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings *settings = NULL;
	struct fault fault = { 0 };
	enum outcome outcome = settings_parse("/f/gw.yaml", (struct str){ (const char *)data, size }, &settings, &fault);

	must(outcome == OUTCOME_OK || outcome == OUTCOME_NEVER);
	must((outcome == OUTCOME_OK) == (settings != NULL));
	if (!settings) {
		check_sentence(&fault);
		return 0;
	}
	check_round_trip(settings, false);
	check_round_trip(settings, true);
	(void)settings_route(settings, STR("contoso.example"), STR("a@contoso.example"), size);
	settings_free(settings);
	return 0;
}
