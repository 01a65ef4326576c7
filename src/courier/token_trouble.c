#include "courier/token_trouble.h"

#include <stdio.h>

#include "wire/text.h"

#define HINT_BYTES 256
#define WORDS_BYTES 700
#define BAD_REQUEST 400
#define FORBIDDEN 403

/* Entra's numbers that a new sign-in of the person mends; each has a sentence in wire/oauth_aadsts. To add one: its number. */
static const unsigned mended_by_sign_in[] = { 50053, 50055, 50074, 50076, 50079, 50126, 50132, 50133, 50173, 54005, 65001, 70000, 70008, 70043, 700082, 700005 };

static bool is_mended_by_sign_in(const struct oauth_answer *answer)
{
	for (size_t i = 0; i < sizeof(mended_by_sign_in) / sizeof(*mended_by_sign_in); i++) {
		if (answer->aadsts == mended_by_sign_in[i])
			return true;
	}
	return answer->aadsts == 0 && (str_eq(str_of(answer->error), STR("invalid_grant")) || str_eq(str_of(answer->error), STR("interaction_required")) ||
				       str_eq(str_of(answer->error), STR("login_required")));
}

/* What the endpoint said, for whoever searches for it. */
static void quote(unsigned status, const struct oauth_answer *answer, char ret_words[WORDS_BYTES])
{
	if (answer->why)
		(void)snprintf(ret_words, WORDS_BYTES, "HTTP %u", status);
	else
		(void)snprintf(ret_words, WORDS_BYTES, "HTTP %u, %s: %s", status, answer->error, answer->description);
}

/* What it means for whoever asks in this way. */
static const char *meaning_of(const struct grant *grant, unsigned status, const struct oauth_answer *answer)
{
	const char *meaning = oauth_answer_explain(answer);
	bool is_numbered = answer->aadsts > 0;
	bool is_vague = !meaning || answer->why || str_eq(str_of(answer->error), STR("invalid_request"));

	if (grant && grant->invalid_grant && !is_numbered && str_eq(str_of(answer->error), STR("invalid_grant")))
		return grant->invalid_grant;
	if (grant && grant->misasked && !is_numbered && is_vague && status >= BAD_REQUEST && status <= FORBIDDEN)
		return grant->misasked;
	return meaning;
}

enum outcome token_trouble(const char *upstream, const struct grant *grant, unsigned status, const struct oauth_answer *answer, struct fault *fault)
{
	const char *meaning = meaning_of(grant, status, answer);
	const char *again = grant && grant->sign_in_again && is_mended_by_sign_in(answer) ? grant->sign_in_again : NULL;
	char words[WORDS_BYTES];

	quote(status, answer, words);
	if (!meaning)
		return fault_set(fault, OUTCOME_LATER, N_("the token endpoint of upstream %s answered: %s"), upstream, words);
	fault->outcome = OUTCOME_LATER;
	for (int i = 0; i < LANGUAGE_COUNT; i++) {
		enum language language = (enum language)i;
		char hint[HINT_BYTES] = "";
		struct str whole;
		char text[FAULT_TEXT_MAX + WORDS_BYTES];

		hint[0] = again ? ' ' : '\0';
		if (again)
			(void)snprintf(hint + 1, sizeof(hint) - 1, say(language, again), upstream);
		(void)snprintf(text, sizeof(text), say(language, N_("upstream %s gets no token. %s%s (%s)")), upstream, say(language, meaning), hint, words);
		whole = text_cut(str_of(text), FAULT_TEXT_MAX - 1);
		(void)str_copy(whole, sizeof(fault->text[i]), fault->text[i]);
	}
	return OUTCOME_LATER;
}
