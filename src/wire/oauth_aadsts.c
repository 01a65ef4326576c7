#include "wire/oauth_aadsts.h"

#include <stddef.h>

#include "base/say.h"
#include "wire/oauth.h"

#define PASSING true
#define LASTING false

/* To add a number: a row. Each sentence tells the cause, then what to do. */
static const struct row {
	unsigned number;
	bool passing;
	const char *sentence;
} rows[] = {
	{ 50012, LASTING,
	  N_("The certificate or signed assertion was not accepted. Check that this certificate is registered with the app and has not expired.") },
	{ 50013, LASTING,
	  N_("The signed assertion is not valid at this time. Set this machine's clock right, then try again.") },
	{ 50011, LASTING,
	  N_("The redirect URL is not registered with the app. Register http://localhost as a public client's redirect URL, or name the registered one in redirect-url.") },
	{ 50034, LASTING,
	  N_("The user is not in this directory. Check the spelling of the mailbox and the tenant of the upstream.") },
	{ 50053, LASTING,
	  N_("The account is locked after too many wrong sign-ins, or the address they come from is held to be malicious. Wait until the lock ends, and stop the device that uses the wrong password.") },
	{ 50055, LASTING, N_("The password has expired. Set a new one, then sign in again.") },
	{ 50056, LASTING, N_("The account has no password in the directory. Set one, or let the directories synchronise.") },
	{ 50057, LASTING, N_("The account is disabled. Enable it in the Entra admin center.") },
	{ 50074, LASTING, N_("Multi-factor authentication was not passed. Sign in again and pass it.") },
	{ 50076, LASTING,
	  N_("Multi-factor authentication is required here. Sign in again with it, or use an app with its own credentials (SMTP.SendAsApp).") },
	{ 50079, LASTING,
	  N_("The user must first register for multi-factor authentication. Let the user sign in with a browser and register.") },
	{ 50105, LASTING, N_("The user is not assigned to the app. Assign the user in the enterprise application, or let the app in without assignment.") },
	{ 50126, LASTING, N_("The user name or password is wrong. Check both.") },
	{ 50132, LASTING, N_("The session was revoked, because the password changed or expired. Sign in again.") },
	{ 50133, LASTING, N_("The session was revoked, because the password changed or expired. Sign in again.") },
	{ 50173, LASTING, N_("The sign-in was revoked; a fresh one is needed. Run the sign-in of this upstream again.") },
	{ 50196, PASSING,
	  N_("The same token was asked for too often in a short time. Look for a second program that uses this app and does not keep its tokens; tokens are asked for again after a pause.") },
	{ 53003, LASTING,
	  N_("A Conditional Access policy blocks this sign-in. Exclude the app or this gateway's address from the policy, or meet its conditions.") },
	{ 53000, LASTING, N_("A Conditional Access policy wants a compliant device. Exclude the app from the policy, or use an app with its own credentials (SMTP.SendAsApp).") },
	{ 53001, LASTING, N_("A Conditional Access policy wants a joined device. Exclude the app from the policy, or use an app with its own credentials (SMTP.SendAsApp).") },
	{ 54005, LASTING, N_("The code of the sign-in was used already. Begin the sign-in again.") },
	{ 65001, LASTING, N_("Nobody has consented to this app's permissions. Give admin consent in the Entra admin center.") },
	{ 70000, LASTING, N_("The refresh token or code is not valid any more. Run the sign-in of this upstream again.") },
	{ 70003, LASTING, N_("The endpoint does not know this way of asking for a token. Check token-url and the credential of this upstream.") },
	{ 70008, LASTING, N_("The refresh token has expired, because it was not used for long. Run the sign-in of this upstream again.") },
	{ 70011, LASTING,
	  N_("The scope is not valid. For an app with its own credentials it is https://outlook.office365.com/.default.") },
	{ 70016, LASTING, N_("The user has not yet finished the sign-in with the device code. Finish it in the browser.") },
	{ 70019, LASTING, N_("The code of the sign-in has expired. Begin the sign-in again.") },
	{ 70043, LASTING,
	  N_("A Conditional Access policy ended the sign-in after its set time. Sign in again, or change the sign-in frequency.") },
	{ 90002, LASTING, N_("The tenant does not exist. Check the tenant of this upstream: its ID or one of its domains.") },
	{ 90006, PASSING, N_("Entra had an error of its own that passes. The request is made again later.") },
	{ 90014, LASTING, N_("The request lacks a field. Check the client ID, secret and scope of this upstream.") },
	{ 90024, PASSING, N_("Entra had an error of its own that passes. The request is made again later.") },
	{ 90033, PASSING, N_("Entra's directory is out of order for a while. The request is made again later.") },
	{ 90055, PASSING, N_("The tenant makes too many requests at present and is slowed down. The request is made again later.") },
	{ 90094, LASTING, N_("An administrator must consent to this app's permissions. Give admin consent in the Entra admin center.") },
	{ 500011, LASTING,
	  N_("The service named in the scope is not known in this tenant. Check the scope, and that the tenant has Exchange Online.") },
	{ 500131, LASTING, N_("The assertion was meant for another application. Check client-id and token-url of this upstream.") },
	{ 500133, LASTING,
	  N_("The signed assertion is not valid at this time. Set this machine's clock right, then try again.") },
	{ 530032, LASTING, N_("A security policy of the tenant blocks this sign-in. Ask the administrator of the tenant which one.") },
	{ 530035, LASTING,
	  N_("The security defaults of the tenant block this sign-in. Use an app with its own credentials (SMTP.SendAsApp), or replace the security defaults by Conditional Access.") },
	{ 650056, LASTING,
	  N_("The app is not set up fully: it has no permission for Exchange Online, or consent is missing. Add SMTP.SendAsApp of Office 365 Exchange Online and give admin consent.") },
	{ 650057, LASTING,
	  N_("The app has not asked for a permission of the service in the scope. Add SMTP.SendAsApp of Office 365 Exchange Online and give admin consent.") },
	{ 700005, LASTING, N_("The code belongs to another tenant. Sign in with the tenant that the settings name.") },
	{ 700016, LASTING,
	  N_("The app is not in this tenant. Check the client ID and the tenant, and that an administrator has consented to the app there.") },
	{ 700023, LASTING, N_("The signed assertion names another endpoint. Check the tenant and token-url of this upstream.") },
	{ 700024, LASTING,
	  N_("The signed assertion is not valid at this time. Set this machine's clock right, then try again.") },
	{ 700025, LASTING,
	  N_("The app is registered as a public client and must not send a secret. Register a web app, or leave the secret out.") },
	{ 700027, LASTING,
	  N_("The signature of the assertion does not fit. Check that the certificate registered with the app belongs to the key in the settings.") },
	{ 700082, LASTING, N_("The refresh token has expired, because it was not used for long. Run the sign-in of this upstream again.") },
	{ 700211, LASTING,
	  N_("No federated credential of the app fits the token's issuer. Compare the issuer in the app's federated credentials with iss of the token.") },
	{ 700212, LASTING,
	  N_("No federated credential of the app fits the token's audience. The token must be made for api://AzureADTokenExchange, or for what the credential names.") },
	{ 700213, LASTING,
	  N_("No federated credential of the app fits the token's subject. Compare the subject in the app's federated credentials with sub of the token.") },
	{ 900023, LASTING, N_("The tenant is neither an ID nor a domain. Check the tenant of this upstream.") },
	{ 900144, LASTING, N_("The request lacks a field. Check the client ID, secret and scope of this upstream.") },
	{ 900561, LASTING, N_("The address is not a token endpoint. Check the token URL of this upstream; it ends in /oauth2/v2.0/token.") },
	{ 7000112, LASTING, N_("The app is disabled. Enable its enterprise application in the Entra admin center.") },
	{ 7000215, LASTING,
	  N_("The client secret is wrong. Often the ID of the secret was copied in place of its value: make a new secret and copy the value, which is shown only once.") },
	{ 7000218, LASTING,
	  N_("The request came without a secret or certificate. Name client-secret-file, or certificate-file and key-file, in the settings of this upstream.") },
	{ 7000222, LASTING,
	  N_("The client secret has expired. Make a new one in the app's registration, put it into the secret file and reload.") },
	{ 7000229, LASTING,
	  N_("The app has no enterprise application in this tenant. Give admin consent in that tenant, or check the tenant of this upstream.") },
	{ 1002012, LASTING,
	  N_("The scope is not valid. For an app with its own credentials it is https://outlook.office365.com/.default.") },
	{ 9001023, LASTING,
	  N_("This kind of sign-in needs one certain tenant, not \"common\". Set the tenant of this upstream.") },
};

static const struct row *find(unsigned aadsts)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].number == aadsts)
			return &rows[i];
	}
	return NULL;
}

bool oauth_aadsts_passing(unsigned aadsts)
{
	const struct row *row = find(aadsts);

	return row && row->passing;
}

const char *oauth_aadsts_explain(unsigned aadsts)
{
	const struct row *row = find(aadsts);

	return row ? row->sentence : NULL;
}
