/* Accounts and tenants: their defaults, their switches, who may send as whom. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "domain/account.h"

static void test_defaults(void)
{
	struct tenant tenant;
	struct account account;

	tenant_init(&tenant);
	account_init(&account);
	CHECK(tenant.smtp_auth && !tenant.security_defaults && tenant.oauth2_client_profile && tenant.auth_policy_basic_smtp &&
		      tenant.basic == BASIC_UNCHANGED,
	      "a new tenant lets devices in");
	CHECK(account.smtp_auth == TRI_INHERIT && account.auth_policy_basic_smtp == TRI_INHERIT &&
		      account.mfa == MFA_DISABLED && account.licensed && account.enabled,
	      "a new account follows its tenant");
	tenant_done(&tenant);
	account_done(&account);
}

static void test_switches(void)
{
	static const struct {
		bool of_tenant;
		const char *name, *value, *want; /* NULL: refused */
	} cases[] = {
		{ true, "smtp-auth", "off", "off" }, { true, "smtp-auth", "ON", "on" }, { true, "smtp-auth", "inherit", NULL },
		{ true, "smtp-auth", "", NULL }, { true, "security-defaults", "on", "on" },
		{ true, "oauth2-client-profile", "off", "off" }, { true, "auth-policy-basic-smtp", "off", "off" },
		{ true, "basic", "re-enabled", "re-enabled" }, { true, "basic", "retired", "retired" },
		{ true, "basic", "default-off", "default-off" }, { true, "basic", "on", NULL },
		{ false, "smtp-auth", "inherit", "inherit" }, { false, "smtp-auth", "off", "off" },
		{ false, "auth-policy-basic-smtp", "on", "on" }, { false, "mfa", "enforced", "enforced" },
		{ false, "mfa", "on", NULL }, { false, "licensed", "no", "no" }, { false, "enabled", "yes", "yes" },
		{ false, "enabled", "true", NULL },
		{ false, "send-as", "A@x.example,@Y.example\t b@x.example", "a@x.example @y.example b@x.example" },
		{ false, "send-as", "none", "" }, { false, "send-as", "", "" }, { false, "send-as", "a@x.example nobody", NULL },
		{ false, "send-as", "@", NULL }, { false, "send-as", "a@b@c", "a@b@c" }, { false, "send-as", "a@", NULL },
		{ false, "address-limits", "192.0.2.0/24 2001:DB8::/32", "192.0.2.0/24 2001:db8::/32" },
		{ false, "address-limits", "192.0.2.1/24", NULL }, { false, "address-limits", "here", NULL },
		{ false, "from-rewrite", "scan@x.example", "scan@x.example" }, { false, "from-rewrite", "a@x b@x", NULL },
		{ false, "from-rewrite", "<a@x.example>", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tenant tenant;
		struct account account;
		void *object = cases[i].of_tenant ? (void *)&tenant : (void *)&account;
		const struct switch_row *row =
			cases[i].of_tenant ? switch_find(tenant_switches, tenant_switches_count, str_of(cases[i].name))
					   : switch_find(account_switches, account_switches_count, str_of(cases[i].name));
		char text[SWITCH_TEXT_MAX] = "?";
		char label[200];

		tenant_init(&tenant);
		account_init(&account);
		(void)snprintf(label, sizeof(label), "%s %s", cases[i].name, cases[i].value);
		if (!CHECK(row != NULL, label))
			continue;
		CHECK(row->set(object, str_of(cases[i].value)) == (cases[i].want != NULL), label);
		if (cases[i].want)
			CHECK(row->get(object, text, sizeof(text)) && strcmp(text, cases[i].want) == 0, label);
		tenant_done(&tenant);
		account_done(&account);
	}
	CHECK(!switch_find(account_switches, account_switches_count, STR("smtp")), "no such switch");
}

/* A list over its ceiling is refused and leaves the old one. */
static void test_long_list(void)
{
	struct account account;
	const struct switch_row *row = switch_find(account_switches, account_switches_count, STR("send-as"));
	struct buf list;
	bool built = true;

	buf_init(&list, 65536);
	account_init(&account);
	CHECK(row->set(&account, STR("a@x.example")), "a short list");
	for (int i = 0; i < 257; i++)
		built = built && buf_add_format(&list, "u%d@x.example ", i);
	CHECK(built && !row->set(&account, buf_str(&list)) && strcmp(account.send_as, "a@x.example") == 0, "257 are too many");
	buf_clear(&list);
	for (int i = 0; i < 100; i++)
		built = built && buf_add_format(&list, "%0120d@x.example ", i);
	CHECK(built && !row->set(&account, buf_str(&list)) && strcmp(account.send_as, "a@x.example") == 0, "and so is too long");
	buf_done(&list);
	account_done(&account);
}

static void test_cmdlets(void)
{
	static const struct {
		const char *label, *name, *object, *value, *want; /* NULL: none */
	} cases[] = {
		{ "on is disabled false", "smtp-auth", "copier@contoso.example", "on",
		  "Set-CASMailbox -Identity copier@contoso.example -SmtpClientAuthenticationDisabled $false" },
		{ "off is disabled true", "smtp-auth", "copier@contoso.example", "off",
		  "Set-CASMailbox -Identity copier@contoso.example -SmtpClientAuthenticationDisabled $true" },
		{ "inherit is null", "smtp-auth", "copier@contoso.example", "inherit",
		  "Set-CASMailbox -Identity copier@contoso.example -SmtpClientAuthenticationDisabled $null" },
		{ "a name that PowerShell would run is text", "smtp-auth", "$(calc)'s@x.example", "on",
		  "Set-CASMailbox -Identity '$(calc)''s@x.example' -SmtpClientAuthenticationDisabled $false" },
		{ "braces of PowerShell's own stay", "mfa", "a@x.example", "disabled",
		  "Update-MgBetaUserAuthenticationRequirement -UserId a@x.example -BodyParameter @{ perUserMfaState = 'disabled' }" },
		{ "a line for each of a list, none for a whole domain", "send-as", "a@x.example", "b@x.example @y.example c@x.example",
		  "Add-RecipientPermission -Identity b@x.example -Trustee a@x.example -AccessRights SendAs\n"
		  "Add-RecipientPermission -Identity c@x.example -Trustee a@x.example -AccessRights SendAs" },
		{ "an empty list has none", "send-as", "a@x.example", "", NULL },
		{ "what the real tenant has not", "from-rewrite", "a@x.example", "b@x.example", NULL },
		{ "no value of this switch", "smtp-auth", "a@x.example", "maybe", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct switch_row *row = switch_find(account_switches, account_switches_count, str_of(cases[i].name));
		struct buf out;

		buf_init(&out, 4096);
		CHECK(switch_cmdlet(row, str_of(cases[i].object), str_of(cases[i].value), &out) == (cases[i].want != NULL) &&
			      str_eq(buf_str(&out), str_of(cases[i].want)),
		      cases[i].label);
		buf_done(&out);
	}
}

/* Each value that a row says it takes is taken, given back as it is, and has a cmdlet where the row has one. */
static void test_rows(const struct switch_row *rows, size_t count, void *object)
{
	for (size_t i = 0; i < count; i++) {
		struct str values = str_of(rows[i].values);

		CHECK(rows[i].explain && rows[i].explain[0], rows[i].name);
		while (str_find(values, '|') < values.len || (values.len && str_find(values, ' ') == values.len)) {
			struct str value = str_cut(&values, '|');
			char text[SWITCH_TEXT_MAX];
			struct buf out;

			buf_init(&out, 4096);
			CHECK(rows[i].set(object, value) && rows[i].get(object, text, sizeof(text)) && str_eq(value, str_of(text)),
			      rows[i].name);
			CHECK(!rows[i].cmdlet || switch_cmdlet(&rows[i], STR("x@y.example"), value, &out), rows[i].name);
			buf_done(&out);
		}
	}
}

static void test_send_as(void)
{
	static const struct {
		const char *label, *address, *send_as, *sender;
		bool want;
	} cases[] = {
		{ "its own address", "a@x.example", "", "a@x.example", true },
		{ "whatever its case", "a@x.example", "", "A@X.Example", true },
		{ "another's", "a@x.example", "", "b@x.example", false },
		{ "one of its list", "a@x.example", "c@x.example b@x.example", "B@x.example", true },
		{ "a whole domain", "a@x.example", "@y.example", "who@Y.example", true },
		{ "not the domain below it", "a@x.example", "@y.example", "who@z.y.example", false },
		{ "not a domain that ends so", "a@x.example", "@y.example", "who@my.example", false },
		{ "the last at-sign counts", "a@x.example", "@y.example", "who@z.example@y.example", true },
		{ "the null sender is nobody's", "a@x.example", "@y.example", "", false },
		{ "a lone at-sign allows nothing", "a@x.example", "@", "who", false },
		{ "no part of a list entry", "a@x.example", "bb@x.example", "b@x.example", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK(account_may_send_as(str_of(cases[i].address), str_of(cases[i].send_as), str_of(cases[i].sender)) ==
			      cases[i].want,
		      cases[i].label);
}

static void test_addresses(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = { { "Copier@Contoso.Example", "copier@contoso.example" }, { "a@b", "a@b" }, { "\"a@b\"@c", "\"a@b\"@c" },
		      { "nobody", NULL }, { "@contoso.example", NULL }, { "a@", NULL }, { "", NULL }, { "a b@c", NULL },
		      { "a\x01@c", NULL }, { "a\xff@c", NULL }, { "\xe5\x8d\xb0@c", "\xe5\x8d\xb0@c" } };
	struct account account, copy;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char label[40];

		account_init(&account);
		(void)snprintf(label, sizeof(label), "address %zu", i);
		CHECK(account_address_set(&account, str_of(cases[i].text)) == (cases[i].want != NULL) &&
			      str_eq(str_of(account.address), str_of(cases[i].want)),
		      label);
		account_done(&account);
	}
	account_init(&account);
	CHECK(account_address_set(&account, STR("a@x.example")), "an address");
	account.verifier = strdup("v");
	CHECK(account_copy(&account, &copy), "a copy");
	account_done(&account);
	CHECK(strcmp(copy.address, "a@x.example") == 0 && strcmp(copy.domain, "x.example") == 0 &&
		      copy.domain > copy.address && strcmp(copy.verifier, "v") == 0 && strcmp(copy.send_as, "") == 0 && copy.licensed,
	      "stands on its own");
	account_done(&copy);
}

int main(void)
{
	struct tenant tenant;
	struct account account;

	test_defaults();
	test_switches();
	test_long_list();
	test_cmdlets();
	tenant_init(&tenant);
	test_rows(tenant_switches, tenant_switches_count, &tenant);
	tenant_done(&tenant);
	account_init(&account);
	test_rows(account_switches, account_switches_count, &account);
	account_done(&account);
	test_send_as();
	test_addresses();
	return check_report();
}
