// A real token issuer (npm oidc-provider) over HTTPS on loopback: client
// credentials with a secret; tokens opaque with introspection, or JWT.
//
//   node issuer.mjs settings.json
//
// settings: port, certificate, key, clients [{id, secret, method, mailbox}], scope,
//           ttlSeconds, format opaque|jwt, publicKeyFile, statsFile
// A client may have `certificate` and `algorithm` (private_key_jwt) and `grants`. With `person`
// somebody sits at the browser and agrees to everything: GET /approve?user_code=… types in a device
// code (with &refuse=1 refuses it), the pages of the code flow lead back at once, and
// GET /revoke takes all refresh tokens back. `serviceAccounts` and `identity`, with `metadataPort` in clear: see issuer_machines.mjs.
// Prints `ready` once it listens. statsFile holds {tokensIssued,
// tokensRefused, introspections} and is replaced after each of them.

import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import Provider from 'oidc-provider';
import { JWT_BEARER, metadata_answer, service_accounts_register } from './issuer_machines.mjs';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const AUDIENCE = 'urn:mail';
const stats = { tokensIssued: 0, tokensRefused: 0, introspections: 0 };

function stats_write() {
	writeFileSync(`${settings.statsFile}.new`, JSON.stringify(stats));
	renameSync(`${settings.statsFile}.new`, settings.statsFile);
}

function count(name) {
	stats[name] += 1;
	stats_write();
}

const mailboxes = new Map(settings.clients.map((client) => [client.id, client.mailbox]));
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function client_of(client) {
	const grants = client.grants ?? ['client_credentials'];
	const one = {
		client_id: client.id,
		client_secret: client.secret,
		grant_types: grants,
		redirect_uris: grants.includes('authorization_code') ? ['http://127.0.0.1/'] : [],
		response_types: grants.includes('authorization_code') ? ['code'] : [],
		application_type: 'native',
		scope: settings.person ? `${settings.scope} offline_access` : settings.scope,
		token_endpoint_auth_method: client.method,
	};
	if (client.certificate) {
		const { publicKey: key } = new X509Certificate(readFileSync(client.certificate));
		one.jwks = { keys: [{ ...key.export({ format: 'jwk' }), use: 'sig', alg: client.algorithm }] };
		one.token_endpoint_auth_signing_alg = client.algorithm;
	}
	return one;
}

const accounts = settings.serviceAccounts.map(({ id }) => ({ id, method: 'none', grants: [JWT_BEARER] }));

const provider = new Provider(`https://localhost:${settings.port}`, {
	clients: [...settings.clients, ...accounts].map(client_of),
	scopes: settings.person ? [settings.scope, 'offline_access'] : [settings.scope],
	enabledJWA: { clientAuthSigningAlgValues: ['PS256', 'RS256'] },
	findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
	interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
	issueRefreshToken: () => true,
	rotateRefreshToken: true,
	jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }] },
	cookies: { keys: ['unused: nobody signs in with a browser here'] },
	ttl: {
		ClientCredentials: settings.ttlSeconds,
		AccessToken: settings.ttlSeconds,
		AuthorizationCode: 60,
		DeviceCode: 60,
		Grant: 86400,
		IdToken: 60,
		Interaction: 60,
		RefreshToken: 86400,
		Session: 600,
	},
	formats: {
		// The longest that the package's generator gives: 512 characters.
		bitsOfOpaqueRandomness: 512 * 6,
		customizers: {
			jwt: (_ctx, _token, jwt) => {
				jwt.header = { typ: 'JWT' };
				// As long as Entra's, so that it cannot be handed over inside a command line.
				jwt.payload.xms_padding = randomBytes(750).toString('base64url');
			},
		},
	},
	// Whose mailboxes the application may use: the introspection tells the server.
	extraTokenClaims: (_ctx, token) => ({ username: token.accountId ?? mailboxes.get(token.clientId) }),
	features: {
		clientCredentials: { enabled: true },
		deviceFlow: { enabled: Boolean(settings.person) },
		devInteractions: { enabled: false },
		introspection: { enabled: true, allowedPolicy: () => true },
		resourceIndicators: {
			enabled: settings.format === 'jwt',
			defaultResource: () => AUDIENCE,
			getResourceServerInfo: () => ({
				scope: settings.scope,
				audience: AUDIENCE,
				accessTokenTTL: settings.ttlSeconds,
				accessTokenFormat: 'jwt',
				jwt: { sign: { alg: 'RS256' } },
			}),
		},
	},
});

if (accounts.length > 0)
	service_accounts_register(provider, settings.serviceAccounts, settings.scope);

provider.use(async (ctx, next) => {
	await next();
	if (ctx.oidc?.route === 'token')
		count(ctx.status === 200 ? 'tokensIssued' : 'tokensRefused');
	if (ctx.oidc?.route === 'introspection')
		count('introspections');
});
provider.on('server_error', (_ctx, error) => console.error(error));

// --- the person at the browser ---

async function grant_id(clientId, scope) {
	const grant = new provider.Grant({ accountId: settings.person, clientId });
	grant.addOIDCScope(scope);
	return grant.save();
}

async function agree(request, response) {
	const { params } = await provider.interactionDetails(request, response);
	await provider.interactionFinished(request, response, {
		login: { accountId: settings.person },
		consent: { grantId: await grant_id(params.client_id, params.scope) },
	}, { mergeWithLastSubmission: false });
}

async function type_in(query, response) {
	const code = await provider.DeviceCode.findByUserCode(query.get('user_code').replace(/\W/g, ''));
	Object.assign(code, query.has('refuse')
		? { error: 'access_denied', errorDescription: 'the person refused' }
		: {
			accountId: settings.person,
			grantId: await grant_id(code.clientId, code.params.scope),
			scope: code.params.scope,
			authTime: Math.floor(Date.now() / 1000),
		});
	await code.save();
	response.end('done');
}

const grants = new Set();
provider.on('grant.success', (ctx) => { if (ctx.oidc.entities.Grant) grants.add(ctx.oidc.entities.Grant.jti); });

async function revoke(response) {
	for (const grant of grants)
		await provider.RefreshToken.revokeByGrantId(grant);
	response.end('done');
}

const callback = provider.callback();

function serve(request, response) {
	const url = new URL(request.url, `https://localhost:${settings.port}`);
	const done = settings.person && url.pathname.startsWith('/interaction/') ? agree(request, response)
		: settings.person && url.pathname === '/approve' ? type_in(url.searchParams, response)
			: settings.person && url.pathname === '/revoke' ? revoke(response)
				: callback(request, response);
	Promise.resolve(done).catch((error) => {
		console.error(error);
		response.statusCode = 500;
		response.end(String(error));
	});
}

async function serve_metadata(request, response) {
	const url = new URL(request.url, `http://127.0.0.1:${settings.metadataPort}`);
	const [status, answer] = await metadata_answer(provider, request, url, settings.identity, settings.scope) ?? [404, {}];
	count(status === 200 ? 'tokensIssued' : 'tokensRefused');
	response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
	response.end(JSON.stringify(answer));
}

writeFileSync(settings.publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
stats_write();
if (settings.identity)
	http.createServer(serve_metadata).listen(settings.metadataPort, '127.0.0.1');
https.createServer({
	cert: readFileSync(settings.certificate),
	key: readFileSync(settings.key),
}, serve).listen(settings.port, '127.0.0.1', () => console.log('ready'));
