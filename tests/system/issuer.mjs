// A real token issuer (npm oidc-provider) over HTTPS on loopback: client
// credentials with a secret; tokens opaque with introspection, or JWT.
//
//   node issuer.mjs settings.json
//
// settings: port, certificate, key, clients [{id, secret, method, mailbox}], scope,
//           ttlSeconds, format opaque|jwt, publicKeyFile, statsFile
// Prints `ready` once it listens. statsFile holds {tokensIssued,
// tokensRefused, introspections} and is replaced after each of them.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';

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

const provider = new Provider(`https://localhost:${settings.port}`, {
	clients: settings.clients.map((client) => ({
		client_id: client.id,
		client_secret: client.secret,
		grant_types: ['client_credentials'],
		redirect_uris: [],
		response_types: [],
		scope: settings.scope,
		token_endpoint_auth_method: client.method,
	})),
	scopes: [settings.scope],
	jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }] },
	cookies: { keys: ['unused: nobody signs in with a browser here'] },
	ttl: { ClientCredentials: settings.ttlSeconds },
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
	extraTokenClaims: (_ctx, token) => ({ username: mailboxes.get(token.clientId) }),
	features: {
		clientCredentials: { enabled: true },
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

provider.use(async (ctx, next) => {
	await next();
	if (ctx.oidc?.route === 'token')
		count(ctx.status === 200 ? 'tokensIssued' : 'tokensRefused');
	if (ctx.oidc?.route === 'introspection')
		count('introspections');
});
provider.on('server_error', (_ctx, error) => console.error(error));

writeFileSync(settings.publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
stats_write();
https.createServer({
	cert: readFileSync(settings.certificate),
	key: readFileSync(settings.key),
}, provider.callback()).listen(settings.port, '127.0.0.1', () => console.log('ready'));
