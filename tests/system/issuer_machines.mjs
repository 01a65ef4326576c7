// The ways of issuer.mjs in which a machine proves itself, as their vendors' pages have them; the tokens are oidc-provider's own.
//
// Google, "Using OAuth 2.0 for server to server applications" (RFC 7523): an account {id, publicKey, keyId, domain, clockAheadSeconds} signs in as
// any mailbox of the domain, and the refusals are in Google's words. clockAheadSeconds: by so much the asker's clock is behind.
// Microsoft, "How to use managed identities on an Azure VM", "Managed identities for App Service": identity {clientId, resource, secret}.

import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { errors } from 'oidc-provider';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const LIFETIME_SECONDS_MAX = 3600;
const TIMES = 'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. '
	+ 'Check your iat and exp values in the JWT claim.';
const SIGNATURE = 'Invalid JWT Signature.';

// What jose finds wrong (its code, and the claim where there is one), in Google's words.
const REFUSALS = {
	ERR_JWS_SIGNATURE_VERIFICATION_FAILED: SIGNATURE,
	ERR_JWKS_NO_MATCHING_KEY: SIGNATURE,
	'ERR_JWT_EXPIRED exp': TIMES,
	'ERR_JWT_CLAIM_VALIDATION_FAILED aud': 'Invalid JWT: Failed audience check.',
	'ERR_JWT_CLAIM_VALIDATION_FAILED iat': TIMES,
};

function invalid_grant(description) {
	return new errors.CustomOIDCProviderError('invalid_grant', description);
}

async function claims_of(assertion, account, audience) {
	const jwk = createPublicKey(account.publicKey).export({ format: 'jwk' });
	const keys = createLocalJWKSet({ keys: [{ ...jwk, kid: account.keyId, alg: 'RS256', use: 'sig' }] });
	const { payload } = await jwtVerify(assertion, keys, {
		algorithms: ['RS256'],
		issuer: account.id,
		audience,
		requiredClaims: ['scope', 'sub', 'exp', 'iat'],
		maxTokenAge: LIFETIME_SECONDS_MAX,
		currentDate: new Date(Date.now() + (account.clockAheadSeconds ?? 0) * 1000),
	}).catch((error) => {
		throw invalid_grant(REFUSALS[[error.code, error.claim].filter(Boolean).join(' ')] ?? `Invalid JWT: ${error.message}`);
	});
	if (payload.exp - payload.iat > LIFETIME_SECONDS_MAX)
		throw invalid_grant(TIMES);
	return payload;
}

// Google's request names no client: the assertion does (RFC 7521, 4.1). The provider wants to know whom it is to look up.
async function name_client(ctx, next) {
	if (ctx.path === '/token' && ctx.method === 'POST') {
		const parts = [];
		for await (const part of ctx.req)
			parts.push(part);
		const form = new URLSearchParams(Buffer.concat(parts).toString());
		if (form.get('grant_type') === JWT_BEARER && !form.has('client_id'))
			form.set('client_id', decodeJwt(form.get('assertion')).iss);
		ctx.req.body = form.toString();
	}
	await next();
}

export function service_accounts_register(provider, accounts, scope) {
	const account_of = new Map(accounts.map((account) => [account.id, account]));

	provider.use(name_client);
	provider.registerGrantType(JWT_BEARER, async (ctx, next) => {
		const { client, params } = ctx.oidc;
		const account = account_of.get(client.clientId);
		const claims = await claims_of(params.assertion, account, `${provider.issuer}/token`);
		if (claims.scope !== scope)
			throw new errors.CustomOIDCProviderError('unauthorized_client', 'Client is unauthorized to retrieve access tokens using this method, '
				+ 'or client not authorized for any of the scopes requested.');
		if (!claims.sub.endsWith(`@${account.domain}`))
			throw invalid_grant('Invalid email or User ID');
		const token = new provider.AccessToken({ client, accountId: claims.sub, scope: claims.scope, gty: 'jwt_bearer' });
		ctx.oidc.entity('AccessToken', token);
		ctx.body = { access_token: await token.save(), expires_in: token.expiration, scope: token.scope, token_type: token.tokenType };
		await next();
	}, ['assertion', 'scope']);
}

// --- the identity of a machine ---

// Each says what is wrong with the request: [status, answer], or nothing.
const METADATA_PATHS = {
	'/metadata/identity/oauth2/token': {
		version: '2018-02-01',
		refusal: ({ headers }) => headers.metadata !== 'true'
			&& [400, { error: 'bad_request_102', error_description: 'Required metadata header not specified' }],
		answer: (token) => ({ expires_in: String(token.expiration), ext_expires_in: String(token.expiration), not_before: String(token.iat) }),
	},
	'/msi/token': {
		version: '2019-08-01',
		refusal: ({ headers }, identity) => headers['x-identity-header'] !== identity.secret
			&& [401, { statusCode: 401, message: 'Unauthorized' }],
		answer: () => ({}),
	},
};

function metadata_refusal(path, request, query, identity) {
	const refused = path.refusal(request, identity);
	const client = query.get('client_id') ?? identity.clientId;

	if (refused)
		return refused;
	if (request.method !== 'GET' || request.headers['x-forwarded-for'] || query.get('api-version') !== path.version)
		return [400, { error: 'bad_request', error_description: 'The request is malformed' }];
	if (query.get('resource') !== identity.resource)
		return [400, { error: 'invalid_resource', error_description: `The application named ${query.get('resource')} was not found in the tenant` }];
	return client !== identity.clientId && [400, { error: 'invalid_request', error_description: 'Identity not found' }];
}

// Give [status, answer] to a request, or nothing when it is for another path.
export async function metadata_answer(provider, request, url, identity, scope) {
	const path = METADATA_PATHS[url.pathname];
	const refused = path && metadata_refusal(path, request, url.searchParams, identity);

	if (!path || refused)
		return refused;
	const token = new provider.ClientCredentials({ client: await provider.Client.find(identity.clientId), scope });
	const value = await token.save();
	const expires_on = String(Math.floor(Date.now() / 1000) + token.expiration);
	return [200, { access_token: value, client_id: identity.clientId, expires_on, resource: identity.resource, token_type: 'Bearer', ...path.answer(token) }];
}
