#include "keeper/mend.h"

/* To add a cause: a row. */
static const struct {
	const char *cause;
	bool of_tenant;     /* else of the account */
	const char *name;
	const char *value;
	const char *caution; /* N_(); NULL: none */
} mends[] = {
	{ "smtp-auth-tenant", true, "smtp-auth", "on",
	  N_("Rather than for the whole tenant, SMTP AUTH can be switched on for this one account; its own setting counts first.") },
	{ "smtp-auth-tenant", false, "smtp-auth", "on", NULL },
	{ "smtp-auth-mailbox", false, "smtp-auth", "on", NULL },
	{ "security-defaults", true, "security-defaults", "off",
	  N_("Security defaults protect every account of the tenant. Before you switch them off, put Conditional Access in their place.") },
	{ "auth-policy", false, "auth-policy-basic-smtp", "on", NULL },
	{ "auth-policy", true, "auth-policy-basic-smtp", "on", NULL },
	{ "mfa", false, "mfa", "disabled", N_("Only for an account that nobody but the device uses.") },
	{ "unlicensed", false, "licensed", "yes", NULL },
	{ "account-disabled", false, "enabled", "yes", NULL },
	{ "basic-default-off", true, "basic", "re-enabled", N_("This lasts until Basic authentication is removed for good; move the device to OAuth before then.") },
	{ "oauth-profile", true, "oauth2-client-profile", "on", NULL },
	{ "address", false, "address-limits", "none", N_("Or add the network that the device comes from now.") },
};

static void tell_switch(struct api_call *call, bool of_tenant, const char *name, const char *value, struct str object)
{
	const struct switch_row *row = of_tenant ? switch_find(tenant_switches, tenant_switches_count, str_of(name)) :
						   switch_find(account_switches, account_switches_count, str_of(name));
	struct buf cmdlet;

	api_note(call, N_("to mend it here: sekisho %s set %.*s %s %s"), of_tenant ? "tenant" : "user", STR_ARG(object), name, value);
	if (!row)
		return;
	buf_init(&cmdlet, SWITCH_TEXT_MAX * 2);
	if (switch_cmdlet(row, object, str_of(value), &cmdlet))
		api_note(call, N_("in the real tenant: %.*s"), (int)cmdlet.len, cmdlet.ptr);
	buf_done(&cmdlet);
	if (row->portal)
		api_note(call, N_("or in the portal: %s"), say(call->language, row->portal));
}

void mend_tell(struct api_call *call, struct str cause, struct str user, struct str tenant)
{
	for (size_t i = 0; i < sizeof(mends) / sizeof(*mends); i++) {
		struct str object = mends[i].of_tenant ? tenant : user;

		if (!str_eq(cause, str_of(mends[i].cause)))
			continue;
		if (object.len == 0)
			object = mends[i].of_tenant ? STR("TENANT") : STR("USER");
		tell_switch(call, mends[i].of_tenant, mends[i].name, mends[i].value, object);
		if (mends[i].caution)
			api_note(call, "%s", say(call->language, mends[i].caution));
	}
}
