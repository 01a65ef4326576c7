#include "domain/bearer.h"

#include <string.h>

#include "base/say.h"

static struct str claim(const json_t *claims, const char *name)
{
	const json_t *value = json_object_get(claims, name);

	return json_is_string(value) ? (struct str){ json_string_value(value), json_string_length(value) } : STR("");
}

/* A NumericDate (RFC 7519, 2): whole or not. False: absent or no number. */
static bool date_claim(const json_t *claims, const char *name, double *ret_seconds)
{
	const json_t *value = json_object_get(claims, name);

	if (!json_is_number(value))
		return false;
	*ret_seconds = json_number_value(value);
	return true;
}

static bool is_audience(const struct issuer_settings *issuer, const json_t *audience)
{
	for (size_t i = 0; json_is_string(audience) && i < issuer->audiences.count; i++) {
		if (str_eq((struct str){ json_string_value(audience), json_string_length(audience) }, str_of(issuer->audiences.items[i])))
			return true;
	}
	return false;
}

static bool audience_fits(const struct issuer_settings *issuer, const json_t *claims)
{
	const json_t *audience = json_object_get(claims, "aud");
	const json_t *one;
	size_t at;

	if (is_audience(issuer, audience))
		return true;
	json_array_foreach(audience, at, one) {
		if (is_audience(issuer, one))
			return true;
	}
	return false;
}

/* A word of a list parted by blanks, or an item of an array. */
static bool lists(const json_t *claims, const char *name, const char *word)
{
	struct str rest = claim(claims, name);
	const json_t *one;
	size_t at;

	if (!word)
		return false;
	while (rest.len > 0) {
		if (str_eq(str_cut(&rest, ' '), str_of(word)))
			return true;
	}
	json_array_foreach(json_object_get(claims, name), at, one) {
		if (json_is_string(one) && strcmp(json_string_value(one), word) == 0)
			return true;
	}
	return false;
}

static bool user_fits(const json_t *claims, struct str user)
{
	struct str upn = claim(claims, "upn");

	if (upn.len == 0)
		upn = claim(claims, "preferred_username");
	return upn.len > 0 && str_eq_nocase(upn, user);
}

enum bearer_verdict bearer_decide(const struct issuer_settings *issuer, const json_t *claims, struct str user, struct str domain,
				  int64_t now_s)
{
	double expires;
	double begins;
	double issued;

	if (!str_eq(claim(claims, "iss"), str_of(issuer->issuer)))
		return BEARER_ISSUER;
	if (!audience_fits(issuer, claims))
		return BEARER_AUDIENCE;
	if (issuer->tenant_id && !str_eq_nocase(claim(claims, "tid"), str_of(issuer->tenant_id)))
		return BEARER_TENANT;
	if (!date_claim(claims, "exp", &expires) || (double)now_s >= expires + BEARER_SKEW_SECONDS)
		return BEARER_EXPIRED;
	if ((date_claim(claims, "nbf", &begins) && (double)now_s < begins - BEARER_SKEW_SECONDS) ||
	    (date_claim(claims, "iat", &issued) && (double)now_s < issued - BEARER_SKEW_SECONDS))
		return BEARER_NOT_YET;
	if (issuer->domain && !str_eq_nocase(domain, str_of(issuer->domain)))
		return BEARER_DOMAIN;
	/* A token that carries a scope is a user's, whatever roles it also lists. */
	if (lists(claims, "scp", issuer->scope) || lists(claims, "scope", issuer->scope))
		return user_fits(claims, user) ? BEARER_GOOD : BEARER_IDENTITY;
	return lists(claims, "roles", issuer->role) ? BEARER_GOOD : BEARER_PERMISSION;
}

/* To add a verdict: an enum value and a row. */
static const struct bearer_answer answers[BEARER_VERDICT_COUNT] = {
	[BEARER_GOOD] = { "", 0, "", "", false },
	[BEARER_MALFORMED] = { "token-malformed", 50027, "The bearer token is no JSON Web Token, or malformed.",
		N_("What the client sent as its token cannot be read as one. It may be an opaque token, or one for another service; ask the "
		   "application's maker which token it fetches."), true },
	[BEARER_ISSUER] = { "token-issuer", 50020, "The token comes from an issuer that is not known here.",
		N_("The token's issuer (iss) is none of the settings' issuers. Add it there, or let the client fetch its token from one of them."), true },
	[BEARER_ALGORITHM] = { "token-algorithm", 50027, "The token's signature algorithm is not allowed.",
		N_("The token is signed in a way that the settings do not allow for its issuer (algorithms)."), true },
	[BEARER_KEY] = { "token-key", 50027, "The token names a signing key that its issuer does not publish.",
		N_("The issuer's key list (jwks-url) has no key of this name. If the keys were rotated just now, it is read again in a few minutes."), true },
	[BEARER_SIGNATURE] = { "token-signature", 50027, "The token's signature is not genuine.",
		N_("The token was altered, or made by somebody else than its issuer."), true },
	[BEARER_AUDIENCE] = { "token-audience", 50013, "The token is meant for another service.",
		N_("The token's audience (aud) is none of the settings' audiences; for Exchange Online it is https://outlook.office.com or "
		   "https://outlook.office365.com."), false },
	[BEARER_TENANT] = { "token-tenant", 50020, "The token belongs to another tenant.",
		N_("The token's tenant (tid) is not the one in the settings (tenant-id)."), false },
	[BEARER_EXPIRED] = { "token-expired", 500133, "The token has expired.",
		N_("The token's time is over (exp). The client must fetch a new one; if it just did, its clock or ours is wrong."), false },
	[BEARER_NOT_YET] = { "token-not-yet", 500133, "The token is not valid yet.",
		N_("The token's time has not begun (nbf, iat): the clock of the client's issuer or ours is wrong."), false },
	[BEARER_PERMISSION] = { "token-permission", 65001, "The token carries neither the scope nor the role to send mail.",
		N_("The application needs the delegated permission SMTP.Send, or the application permission SMTP.SendAsApp with consent."), false },
	[BEARER_IDENTITY] = { "token-identity", 50126, "The token belongs to another user than the one who signs in.",
		N_("The user name beside the token is not the user that it was made for (upn)."), false },
	[BEARER_DOMAIN] = { "token-domain", 50020, "The issuer does not speak for this account's tenant.",
		N_("The settings let this issuer speak for another tenant's accounts only (domain)."), false },
};

const struct bearer_answer *bearer_answer_of(enum bearer_verdict verdict)
{
	return &answers[verdict];
}

struct str bearer_app_id(const json_t *claims)
{
	struct str id = claim(claims, "appid");

	return id.len ? id : claim(claims, "azp");
}

struct str bearer_app_name(const json_t *claims)
{
	return claim(claims, "app_displayname");
}
