// A real OpenID provider (oidc-provider) on loopback. What its people do there is told beforehand:
// provider.user = {sub, claims, acr, amr} signs in and allows everything; null stops.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';

export function signingKey(alg = 'ES256') {
	const { privateKey } = alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
	return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig' };
}

export class OpenIdProvider {
	// clients: as oidc-provider has them; may be given later with start().
	static async listen() {
		const op = new OpenIdProvider();
		op.asked = []; // paths, in order
		op.server = createServer((request, response) => {
			op.asked.push(new URL(request.url, 'http://x').pathname);
			if (op.answer?.(request, response)) return;
			op.handler(request, response);
		}).listen(0, '127.0.0.1');
		await new Promise((done) => op.server.on('listening', done));
		op.issuer = `http://127.0.0.1:${op.server.address().port}`;
		return op;
	}

	// Begins, or begins anew with other keys.
	async start({ clients, keys = [signingKey(), signingKey('RS256')], ...more }) {
		const { default: Provider } = await import('oidc-provider');
		this.keys = keys;
		const provider = this.provider = new Provider(this.issuer, {
			clients, jwks: { keys }, acrValues: ['aal1', 'aal2', 'aal3'],
			cookies: { keys: [randomUUID()] },
			claims: { acr: null, auth_time: null, openid: ['sub'], name: ['name'], address: ['address'], birthdate: ['birthdate'], gender: ['gender'],
				profile: ['name', 'family_name', 'given_name', 'birthdate'], email: ['email', 'email_verified'],
				corp: ['corp_number', 'corp_name', 'account_type', 'dept'] },
			scopes: ['openid', 'name', 'birthdate', 'gender', 'corp'],
			conformIdTokenClaims: true,
			features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true }, ...more.features },
			interactions: { url: (context, interaction) => `/do/${interaction.uid}` },
			findAccount: async (context, sub) => ({ accountId: sub, claims: async () => ({ sub, ...this.people.get(sub) }) }),
			ttl: { Session: 3600, Interaction: 3600, Grant: 3600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
		});
		provider.on('server_error', (context, error) => { this.error = error; });
		this.people = new Map();
		const callback = provider.callback();
		this.handler = async (request, response) => {
			if (!request.url.startsWith('/do/')) return callback(request, response);
			const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
			const finish = (result) => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
			if (!this.user) return finish({ error: 'access_denied', error_description: '<b>no</b>' });
			this.people.set(this.user.sub, this.user.claims ?? {});
			if (prompt.name === 'login') return finish({ login: { accountId: this.user.sub, acr: this.user.acr, amr: this.user.amr } });
			const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
			grant.addOIDCScope(params.scope);
			return finish({ consent: { grantId: await grant.save() } });
		};
		return this;
	}

	async close() {
		this.server.closeAllConnections();
		await new Promise((done) => this.server.close(done));
	}
}

// Follows an address through the provider, as a browser with a jar of its own there, until it leads
// back to our city: gives that address.
export async function through(address, jar, home) {
	for (let i = 0, url = address; i < 20; i++) {
		if (url.startsWith(home)) return url;
		const origin = new URL(url).origin;
		jar[origin] ??= new Map();
		const answer = await fetch(url, { redirect: 'manual', headers: { accept: 'text/html', cookie: [...jar[origin]].map(([k, v]) => `${k}=${v}`).join('; ') } });
		const lines = answer.headers.getSetCookie ? answer.headers.getSetCookie() : (answer.headers.get('set-cookie') ?? '').split(/, (?=[^;,]+=)/).filter(Boolean);
		for (const line of lines) {
			const [pair] = line.split(';'), at = pair.indexOf('=');
			jar[origin].set(pair.slice(0, at), pair.slice(at + 1));
		}
		const to = answer.headers.get('location');
		if (!to) throw new Error(`${url}: ${answer.status} ${(await answer.text()).slice(0, 1500)}`);
		url = new URL(to, url).href;
	}
	throw new Error('it leads round and round');
}
