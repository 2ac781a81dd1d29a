// An authenticator in software (WebAuthn): makes keys, signs, counts; and can be copied.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

// How each algorithm's key is made, written as a COSE_Key in CBOR (RFC 9053), and what it signs with.
const hex = (text) => Buffer.from(text, 'hex'), raw = (text) => Buffer.from(text, 'base64url');
const algorithms = {
	ES256: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256',
		cose: ({ x, y }) => [hex('a5010203262001215820'), raw(x), hex('225820'), raw(y)] },
	EdDSA: { pair: () => generateKeyPairSync('ed25519'), hash: null,
		cose: ({ x }) => [hex('a4010103272006215820'), raw(x)] },
	RS256: { pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256',
		cose: ({ n }) => [hex('a401030339010020590100'), raw(n), hex('2143010001')] },
};

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const PRESENT = 1, VERIFIED = 4, KEY = 64;

export class Passkey {
	constructor(origin, { rp = new URL(origin).hostname, algorithm = 'ES256' } = {}) {
		Object.assign(this, { origin, rp, id: randomBytes(32), counter: 0, kind: algorithms[algorithm], ...algorithms[algorithm].pair() });
	}

	copy() {
		return Object.assign(Object.create(Passkey.prototype), this);
	}

	clientData(type, challenge, change = {}) {
		return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false, ...change }));
	}

	data(flags) {
		const counter = Buffer.alloc(4);
		counter.writeUInt32BE(this.counter);
		return Buffer.concat([sha256(this.rp), Buffer.from([flags]), counter]);
	}

	// What the page's form sends for a new passkey. flags, change: to send what is wrong.
	created({ publicKey }, { flags = PRESENT | VERIFIED | KEY, change } = {}) {
		this.user = publicKey.user.id;
		const cose = Buffer.concat(this.kind.cose(this.publicKey.export({ format: 'jwk' })));
		const length = Buffer.alloc(2);
		length.writeUInt16BE(this.id.length);
		const data = Buffer.concat([this.data(flags), Buffer.alloc(16), length, this.id, cose]);
		return { client_data: this.clientData('webauthn.create', publicKey.challenge, change).toString('base64url'), authenticator_data: data.toString('base64url') };
	}

	// What it sends to use one.
	signed({ publicKey }, { flags = PRESENT | VERIFIED, change, counts = 1 } = {}) {
		this.counter += counts;
		const client = this.clientData('webauthn.get', publicKey.challenge, change), data = this.data(flags);
		return { id: this.id.toString('base64url'), client_data: client.toString('base64url'), authenticator_data: data.toString('base64url'),
			signature: sign(this.kind.hash, Buffer.concat([data, sha256(client)]), this.privateKey).toString('base64url'), user_handle: this.user };
	}

	async register(client, password = 'machi-demo-2026', name = 'test') {
		const options = await client.postJson('/account/passkeys/options', { password });
		return client.postJson('/account/passkeys', { name, ...this.created(options.json) });
	}

	// page: /login/passkey or /account/assurance/passkey
	async use(client, page = '/login/passkey', how = {}) {
		const options = await client.postJson('/login/passkey/options', {});
		return client.postJson(page, { ...this.signed(options.json, how), next: how.next });
	}
}
