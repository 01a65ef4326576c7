/* Whatever a token holds: every text is clean UTF-8 within its room, a token that is no JWT shows nothing, and no view holds the token's
 * signature. */
#include <stdlib.h>
#include <string.h>

#include "wire/token_view.h"

static void check_text(const char *text, size_t size)
{
	struct str all = { text, strnlen(text, size) };

	if (all.len == size || !str_is_utf8(all))
		abort();
	for (size_t i = 0; i < all.len; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token_view view;

	token_view_parse((struct str){ (const char *)data, size }, &view);
	check_text(view.audience, sizeof(view.audience));
	check_text(view.tenant, sizeof(view.tenant));
	check_text(view.issuer, sizeof(view.issuer));
	check_text(view.app, sizeof(view.app));
	check_text(view.user, sizeof(view.user));
	check_text(view.roles, sizeof(view.roles));
	check_text(view.scopes, sizeof(view.scopes));
	if (view.why_opaque && (view.audience[0] || view.roles[0] || view.scopes[0] || view.expires_s))
		abort();
	if (view.expires_s < 0 || view.issued_s < 0)
		abort();
	return 0;
}
