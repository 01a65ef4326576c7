/* What is taken for a path is one mailbox without controls, within its limits, its parts make the whole, and written between <>
 * it is the same path again. */
#include <stdlib.h>
#include <string.h>

#include "wire/smtp_address.h"

static void check_mailbox(const struct smtp_address *address)
{
	struct smtp_address again;
	size_t at = address->local.len;

	if (address->whole.len > SMTP_ADDRESS_MAX || address->local.len > SMTP_LOCAL_MAX || address->local.len == 0 ||
	    address->domain.len > SMTP_DOMAIN_MAX || !str_is_utf8(address->whole) ||
	    address->utf8 == str_is_ascii(address->whole))
		abort();
	for (size_t i = 0; i < address->whole.len; i++) {
		if ((unsigned char)address->whole.ptr[i] < ' ' || address->whole.ptr[i] == 0x7f)
			abort();
	}
	if (address->domain.len == 0) { /* postmaster */
		if (!str_eq_nocase(address->whole, STR("postmaster")))
			abort();
		return;
	}
	if (address->whole.len != at + 1 + address->domain.len || address->whole.ptr[at] != '@' ||
	    !str_eq((struct str){ address->whole.ptr, at }, address->local) ||
	    !str_eq(str_skip(address->whole, at + 1), address->domain))
		abort();
	if (!smtp_address_parse(address->whole, &again) || !smtp_address_eq(again.whole, address->whole))
		abort();
}

static void check_path(struct str text, bool bare_postmaster)
{
	struct smtp_address address, again;
	char path[SMTP_ADDRESS_MAX + 3];
	struct str rest;

	if (smtp_path_parse(text, bare_postmaster, &address, &rest) != PARSE_OK)
		return;
	if (rest.ptr + rest.len != text.ptr + text.len || (rest.len && rest.ptr[0] != ' ' && rest.ptr[0] != '\t'))
		abort();
	if (address.whole.len)
		check_mailbox(&address);
	path[0] = '<';
	if (address.whole.len)
		memcpy(path + 1, address.whole.ptr, address.whole.len);
	path[address.whole.len + 1] = '>';
	if (smtp_path_parse((struct str){ path, address.whole.len + 2 }, bare_postmaster, &again, &rest) != PARSE_OK ||
	    !str_eq(again.whole, address.whole) || rest.len > 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct smtp_address address;

	check_path(text, false);
	check_path(text, true);
	if (smtp_address_parse(text, &address)) {
		if (!str_eq(address.whole, text))
			abort();
		check_mailbox(&address);
	}
	return 0;
}
