#include "domain/account.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/utils.h>

#define ADDRESS_MAX 254 /* RFC 5321, 4.5.3.1.3, without the brackets */
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const size_t texts[] = {
	offsetof(struct account, address),	offsetof(struct account, send_as),  offsetof(struct account, address_limits),
	offsetof(struct account, from_rewrite), offsetof(struct account, verifier),
};

static char **text_at(const struct account *account, size_t i)
{
	return (char **)((char *)(uintptr_t)account + texts[i]);
}

void tenant_init(struct tenant *tenant)
{
	*tenant = (struct tenant){
		.smtp_auth = true,
		.oauth2_client_profile = true,
		.auth_policy_basic_smtp = true,
		.basic = BASIC_UNCHANGED,
	};
}

void account_init(struct account *account)
{
	*account = (struct account){ .smtp_auth = TRI_INHERIT, .licensed = true, .enabled = true };
}

void tenant_done(struct tenant *tenant)
{
	free(tenant->domain);
	*tenant = (struct tenant){ 0 };
}

void account_done(struct account *account)
{
	if (account->verifier)
		sodium_memzero(account->verifier, strlen(account->verifier));
	for (size_t i = 0; i < COUNT(texts); i++)
		free(*text_at(account, i));
	*account = (struct account){ 0 };
}

static const char *domain_of(const char *address)
{
	const char *at = address ? strrchr(address, '@') : NULL;

	return at ? at + 1 : address;
}

static bool is_one_word(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];

		if (byte <= ' ' || byte == 0x7f || byte == '<' || byte == '>' || byte == ',')
			return false;
	}
	return text.len > 0 && str_is_utf8(text);
}

bool account_address_set(struct account *account, struct str address)
{
	size_t at = str_find_last(address, '@');
	char *copy;

	if (address.len > ADDRESS_MAX || !is_one_word(address) || at == 0 || at + 1 >= address.len)
		return false;
	copy = str_dup_lower(address);
	if (!copy)
		return false;
	free(account->address);
	account->address = copy;
	account->domain = domain_of(copy);
	return true;
}

bool tenant_domain_set(struct tenant *tenant, struct str domain)
{
	char *copy;

	if (domain.len > ADDRESS_MAX || !is_one_word(domain) || str_find(domain, '@') < domain.len)
		return false;
	copy = str_dup_lower(domain);
	if (!copy)
		return false;
	free(tenant->domain);
	tenant->domain = copy;
	return true;
}

bool tenant_copy(const struct tenant *from, struct tenant *ret_to)
{
	struct tenant copy = *from;

	copy.domain = str_dup(str_of(from->domain));
	if (!copy.domain)
		return false;
	*ret_to = copy;
	return true;
}

bool account_copy(const struct account *from, struct account *ret_to)
{
	struct account copy = *from;
	bool whole = true;

	for (size_t i = 0; i < COUNT(texts); i++) {
		*text_at(&copy, i) = str_dup(str_of(*text_at(from, i)));
		whole = whole && *text_at(&copy, i);
	}
	if (!whole) {
		account_done(&copy);
		return false;
	}
	copy.domain = domain_of(copy.address);
	*ret_to = copy;
	return true;
}

static struct str domain_part(struct str address)
{
	size_t at = str_find_last(address, '@');

	return str_skip(address, at < address.len ? at + 1 : address.len);
}

bool account_may_send_as(struct str address, struct str send_as, struct str sender)
{
	if (sender.len == 0)
		return false;
	if (str_eq_nocase(address, sender))
		return true;
	while (send_as.len > 0) {
		struct str allowed = str_cut(&send_as, ' ');

		if (allowed.len < 2)
			continue;
		if (allowed.ptr[0] == '@' ? str_eq_nocase(str_skip(allowed, 1), domain_part(sender))
					  : str_eq_nocase(allowed, sender))
			return true;
	}
	return false;
}
