#include "domain/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/say.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Words for a value, by number; a boolean is 0 or 1. */
static const char *const on_off[] = { "off", "on" };
static const char *const yes_no[] = { "no", "yes" };
static const char *const answer_words[] = { "spool", "upstream" };
static const char *const tristate_words[] = { [TRI_INHERIT] = "inherit", [TRI_ON] = "on", [TRI_OFF] = "off" };
static const char *const basic_words[] = {
	[BASIC_UNCHANGED] = "unchanged", [BASIC_DEFAULT_OFF] = "default-off",
	[BASIC_RE_ENABLED] = "re-enabled", [BASIC_RETIRED] = "retired",
};
static const char *const mfa_words[] = {
	[MFA_DISABLED] = "disabled", [MFA_ENABLED] = "enabled", [MFA_ENFORCED] = "enforced",
};
static_assert(COUNT(basic_words) == BASIC_STATE_COUNT && COUNT(mfa_words) == MFA_STATE_COUNT, "a word for each state");

static bool word_parse(const char *const *words, size_t count, struct str value, unsigned *ret_number)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq_nocase(value, str_of(words[i]))) {
			*ret_number = (unsigned)i;
			return true;
		}
	}
	return false;
}

/* Set and get one member whose values are words. */
#define WORD_SWITCH(type, member, member_type, words)                                                                  \
	static bool type##_##member##_set(void *object, struct str value)                                              \
	{                                                                                                              \
		unsigned number;                                                                                       \
                                                                                                                       \
		if (!word_parse(words, COUNT(words), value, &number))                                                  \
			return false;                                                                                  \
		((struct type *)object)->member = (member_type)number;                                                 \
		return true;                                                                                           \
	}                                                                                                              \
                                                                                                                       \
	static bool type##_##member##_get(const void *object, char *ret_text, size_t size)                             \
	{                                                                                                              \
		return str_copy(str_of(words[((const struct type *)object)->member]), size, ret_text);                 \
	}

WORD_SWITCH(tenant, smtp_auth, bool, on_off)
WORD_SWITCH(tenant, security_defaults, bool, on_off)
WORD_SWITCH(tenant, oauth2_client_profile, bool, on_off)
WORD_SWITCH(tenant, auth_policy_basic_smtp, bool, on_off)
WORD_SWITCH(tenant, basic, enum basic_state, basic_words)
WORD_SWITCH(account, smtp_auth, enum tristate, tristate_words)
WORD_SWITCH(account, auth_policy_basic_smtp, enum tristate, tristate_words)
WORD_SWITCH(account, mfa, enum mfa_state, mfa_words)
WORD_SWITCH(account, licensed, bool, yes_no)
WORD_SWITCH(account, enabled, bool, yes_no)
WORD_SWITCH(account, answer_upstream, bool, answer_words)

static bool is_address(struct str item)
{
	struct account probe = { 0 };
	bool fits = account_address_set(&probe, item);

	account_done(&probe);
	return fits;
}

static bool is_address_or_domain(struct str item)
{
	struct tenant probe = { 0 };
	bool fits;

	if (!str_starts(item, STR("@")))
		return is_address(item);
	fits = tenant_domain_set(&probe, str_skip(item, 1));
	tenant_done(&probe);
	return fits;
}

static bool is_network(struct str item)
{
	struct cidr cidr;

	return cidr_parse(item, &cidr);
}

/* The next item of a list parted by blanks, commas or line ends; empty: no more. */
static struct str next_item(struct str *rest)
{
	static const char parting[] = " \t\r\n,";
	struct str item;

	while (rest->len > 0 && memchr(parting, rest->ptr[0], sizeof(parting) - 1))
		*rest = str_skip(*rest, 1);
	item = (struct str){ rest->ptr, 0 };
	while (item.len < rest->len && !memchr(parting, item.ptr[item.len], sizeof(parting) - 1))
		item.len++;
	*rest = str_skip(*rest, item.len);
	return item;
}

/* A list of at most items_max things that fit, in lower case, parted by single blanks; "none" for an empty one. */
static bool list_set(char **member, struct str value, size_t items_max, bool (*fits)(struct str))
{
	CLEANUP(cleanup_buf) struct buf list;
	size_t count = 0;
	struct str item;
	char *copy;

	buf_init(&list, SWITCH_TEXT_MAX - 1);
	if (str_eq_nocase(str_trim(value), STR("none")))
		value = STR("");
	while ((item = next_item(&value)).len > 0) {
		if (!fits(item) || ++count > items_max || (count > 1 && !buf_add_byte(&list, ' ')) ||
		    !buf_add(&list, item))
			return false;
	}
	copy = str_dup_lower(buf_str(&list));
	if (!copy)
		return false;
	free(*member);
	*member = copy;
	return true;
}

#define LIST_SWITCH(member, items_max, fits)                                                                           \
	static bool account_##member##_set(void *object, struct str value)                                             \
	{                                                                                                              \
		return list_set(&((struct account *)object)->member, value, items_max, fits);                          \
	}                                                                                                              \
                                                                                                                       \
	static bool account_##member##_get(const void *object, char *ret_text, size_t size)                            \
	{                                                                                                              \
		return str_copy(str_of(((const struct account *)object)->member), size, ret_text);                     \
	}

LIST_SWITCH(send_as, 256, is_address_or_domain)
LIST_SWITCH(address_limits, 256, is_network)
LIST_SWITCH(from_rewrite, 1, is_address)

#define ROW(type, member) type##_##member##_set, type##_##member##_get

const struct switch_row tenant_switches[] = {
	{ "smtp-auth", "on|off",
	  N_("Whether the accounts of this tenant may sign in by SMTP AUTH. An account's own setting counts before this one."),
	  "Set-TransportConfig -SmtpClientAuthenticationDisabled {value}", "on=$false;off=$true",
	  N_("Exchange admin center > Settings > Mail flow > Turn off SMTP AUTH protocol for your organization"),
	  ROW(tenant, smtp_auth) },
	{ "security-defaults", "on|off",
	  N_("Security defaults block every sign-in by Basic authentication; OAuth passes."),
	  "Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy -IsEnabled:{value}", "on=$true;off=$false",
	  N_("Microsoft Entra admin center > Overview > Properties > Manage security defaults > Security defaults"),
	  ROW(tenant, security_defaults) },
	{ "oauth2-client-profile", "on|off", N_("Whether clients of this tenant may use OAuth at all."),
	  "Set-OrganizationConfig -OAuth2ClientProfileEnabled {value}", "on=$true;off=$false",
	  N_("Microsoft 365 admin center > Settings > Org settings > Modern authentication"),
	  ROW(tenant, oauth2_client_profile) },
	{ "auth-policy-basic-smtp", "on|off",
	  N_("Whether the tenant's default authentication policy allows Basic authentication for SMTP."),
	  "Set-AuthenticationPolicy -Identity (Get-OrganizationConfig).DefaultAuthenticationPolicy -AllowBasicAuthSmtp:{value}",
	  "on=$true;off=$false", NULL, ROW(tenant, auth_policy_basic_smtp) },
	{ "basic", "unchanged|default-off|re-enabled|retired",
	  N_("How far the retirement of Basic authentication for SMTP AUTH has come for this tenant: default-off and retired refuse "
	     "every sign-in with a password."),
	  NULL, NULL, NULL, ROW(tenant, basic) },
};
const size_t tenant_switches_count = COUNT(tenant_switches);

const struct switch_row account_switches[] = {
	{ "smtp-auth", "on|off|inherit",
	  N_("Whether this account may sign in by SMTP AUTH; inherit follows the tenant."),
	  "Set-CASMailbox -Identity {object} -SmtpClientAuthenticationDisabled {value}", "on=$false;off=$true;inherit=$null",
	  N_("Microsoft 365 admin center > Users > Active users > (the user) > Mail > Manage email apps > Authenticated SMTP"),
	  ROW(account, smtp_auth) },
	{ "auth-policy-basic-smtp", "on|off|inherit",
	  N_("Whether an authentication policy of its own allows this account Basic authentication for SMTP; inherit follows the "
	     "tenant."),
	  "Set-User -Identity {object} -AuthenticationPolicy {value}",
	  "on='Allow Basic SMTP';off='Block Basic SMTP';inherit=$null", NULL, ROW(account, auth_policy_basic_smtp) },
	{ "mfa", "disabled|enabled|enforced",
	  N_("Per-user multi-factor authentication; enabled and enforced refuse a sign-in by password alone."),
	  "Update-MgBetaUserAuthenticationRequirement -UserId {object} -BodyParameter @{ perUserMfaState = '{value}' }",
	  "disabled=disabled;enabled=enabled;enforced=enforced",
	  N_("Microsoft Entra admin center > Users > All users > Per-user MFA"), ROW(account, mfa) },
	{ "licensed", "yes|no", N_("Whether the account has a licensed mailbox; without one it cannot send."),
	  "Set-MgUserLicense -UserId {object} {value}",
	  "yes=-AddLicenses @{SkuId='<SkuId>'} -RemoveLicenses @();no=-AddLicenses @() -RemoveLicenses @('<SkuId>')",
	  N_("Microsoft 365 admin center > Users > Active users > (the user) > Licenses and apps"), ROW(account, licensed) },
	{ "enabled", "yes|no", N_("Whether the account may sign in at all."),
	  "Update-MgUser -UserId {object} -AccountEnabled:{value}", "yes=$true;no=$false",
	  N_("Microsoft 365 admin center > Users > Active users > (the user) > Block sign-in"), ROW(account, enabled) },
	{ "send-as", N_("addresses, or @domain for a whole domain, parted by blanks; none"),
	  N_("As whom else this account may send, beside itself."),
	  "Add-RecipientPermission -Identity {value} -Trustee {object} -AccessRights SendAs", NULL,
	  N_("Exchange admin center > Recipients > Mailboxes > (the mailbox) > Delegation > Send as"), ROW(account, send_as) },
	{ "address-limits", N_("networks such as 192.0.2.0/24 or 2001:db8::/32, parted by blanks; none"),
	  N_("From where alone this account may sign in: keep a copier's password to the copier."), NULL, NULL,
	  N_("Microsoft Entra admin center > Protection > Conditional Access > Named locations"),
	  ROW(account, address_limits) },
	{ "from-rewrite", N_("one address; none"),
	  N_("The sender to put in place of what the device writes, where it cannot be set right there."), NULL, NULL, NULL,
	  ROW(account, from_rewrite) },
	{ "answer-after", "spool|upstream",
	  N_("When the device hears that a message was taken: once it is safe in the spool, or only after the upstream has taken it; what the "
	     "upstream refuses is then refused to the device."),
	  NULL, NULL, NULL, ROW(account, answer_upstream) },
};
const size_t account_switches_count = COUNT(account_switches);

const struct switch_row *switch_find(const struct switch_row *rows, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_eq(name, str_of(rows[i].name)))
			return &rows[i];
	}
	return NULL;
}

/* PowerShell reads no more than the text in it: single quotes unless it is plain. */
static bool add_quoted(struct buf *out, struct str text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
	bool is_plain = text.len > 0;

	for (size_t i = 0; i < text.len; i++) /* an @ at the start would splat */
		is_plain = is_plain && ((text.ptr[i] == '@' && i > 0) || memchr(plain, text.ptr[i], sizeof(plain) - 1));
	if (is_plain)
		return buf_add(out, text);
	if (!buf_add_byte(out, '\''))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if ((text.ptr[i] == '\'' && !buf_add_byte(out, '\'')) || !buf_add_byte(out, text.ptr[i]))
			return false;
	}
	return buf_add_byte(out, '\'');
}

/* The template with its two names filled in; a real value is a piece of PowerShell already. */
static bool add_filled(struct buf *out, struct str cmdlet, struct str object, struct str value, bool value_is_real)
{
	while (cmdlet.len > 0) {
		size_t plain = str_find(cmdlet, '{');
		struct str at = str_skip(cmdlet, plain);
		bool added = buf_add(out, (struct str){ cmdlet.ptr, plain });

		if (str_starts(at, STR("{object}"))) {
			added = added && add_quoted(out, object);
			cmdlet = str_skip(at, sizeof("{object}") - 1);
		} else if (str_starts(at, STR("{value}"))) {
			added = added && (value_is_real ? buf_add(out, value) : add_quoted(out, value));
			cmdlet = str_skip(at, sizeof("{value}") - 1);
		} else { /* a brace of PowerShell's own, or the end */
			added = added && buf_add(out, (struct str){ at.ptr, at.len > 0 });
			cmdlet = str_skip(at, 1);
		}
		if (!added)
			return false;
	}
	return true;
}

static bool add_each(struct buf *out, const struct switch_row *row, struct str object, struct str value)
{
	bool any = false;
	struct str item;

	while ((item = next_item(&value)).len > 0) {
		if (item.ptr[0] == '@') /* a whole domain: there is no such right in the real tenant */
			continue;
		if ((any && !buf_add_byte(out, '\n')) || !add_filled(out, str_of(row->cmdlet), object, item, false))
			return false;
		any = true;
	}
	return any;
}

bool switch_cmdlet(const struct switch_row *row, struct str object, struct str value, struct buf *out)
{
	struct str pairs = str_of(row->real_values);
	size_t before = out->len;
	bool added = false;

	if (!row->cmdlet)
		return false;
	if (!row->real_values)
		added = add_each(out, row, object, value);
	while (pairs.len > 0 && !added) {
		struct str real = str_cut(&pairs, ';');
		struct str word = str_cut(&real, '=');

		if (str_eq_nocase(word, value))
			added = add_filled(out, str_of(row->cmdlet), object, real, true);
	}
	if (!added)
		out->len = before;
	return added;
}
