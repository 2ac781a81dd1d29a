// Signing in with the user authentication certificate of a (simulated) My Number Card.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, freePort, words } from '../lib/city.mjs';
import { CardAuthority, getWithCard, serverCertificate, useCard } from '../lib/card.mjs';

let ca, city, extra, cardUrl;
const nobody = '198.51.100.0/24';

before(async () => {
	ca = await CardAuthority.start();
	extra = mkdtempSync(join(tmpdir(), 'machi-card-'));
	const port = await freePort(), { cert, key } = serverCertificate(extra);
	cardUrl = `https://127.0.0.1:${port}`;
	city = await City.start({
		init: ['--demo-size', '5'],
		settings: ['--card-port', String(port), '--card-cert', cert, '--card-key', key, '--card-url', cardUrl,
			'--card-proxy', nobody, '--card-proxy-header', 'X-Client-Cert',
			'--card-ocsp', `${ca.url}/ocsp`, '--card-ocsp-minutes', '0'],
		env: { MACHI_CARD_SIMULATOR: 'true' },
	});
	ca.run('trust', join(city.dir, 'demo'));
	await city.kill();
	await city.serve();
	for (const card of ['first', 'second', 'stranger']) ca.card(card);
});
after(async () => {
	await city?.stop();
	ca?.stop();
	if (extra) rmSync(extra, { recursive: true, force: true });
});

test('a card is linked by who is signed in, and signs in from then on, at level 3', async () => {
	const resident = await city.client().login('resident1@example.jp');
	const linked = await useCard(resident, ca, 'first', { page: '/account/card' });
	assert.equal(linked.status, 303);
	assert.match(words((await resident.get('/account/card')).text), /使えます/);
	const other = city.client();
	const back = await useCard(other, ca, 'first');
	assert.equal(back.status, 303, back.words);
	assert.equal(back.location, '/my');
	assert.equal((await other.get('/my', { follow: false })).status, 200);
	assert.match(words((await other.get('/account/sessions')).text), /マイナンバーカード/);
	// The serial number is kept nowhere.
	const serial = execFileSync('openssl', ['x509', '-in', ca.file('first', 'authentication.crt'), '-noout', '-serial'], { encoding: 'utf8' }).trim().slice(7);
	assert.equal(city.sql(`SELECT count(*) FROM identifier WHERE subject LIKE '%${serial}%' OR data LIKE '%${serial}%'`).trim(), '0');
	assert.ok(!city.log().includes(serial));
});

test('who has no more than somebody\'s session links no card to their account', async () => {
	const thief = await city.client().login('resident4@example.jp');
	const asked = await useCard(thief, ca, 'stranger', { page: '/account/card', password: null });
	assert.equal(asked.status, 200);
	assert.match(asked.words, /もう一度パスワードを/);
	const [, ticket] = /name="ticket" value="([^"]+)"/.exec(asked.text);
	for (const password of ['', 'wrong-password-1'])
		assert.equal((await thief.submit(asked, '/account/card/link', { password }, { follow: false })).status, 422);
	const other = await city.client().login('resident5@example.jp');
	const stolen = await other.post('/account/card/link', { ticket, password: 'machi-demo-2026' }, { follow: false });
	assert.equal(stolen.status, 422);
	assert.match(words(stolen.text), /もう一度/);
	assert.equal((await useCard(city.client(), ca, 'stranger')).status, 200); // nobody's still
	const mails = () => city.sql(`SELECT count(*) FROM notice WHERE kind = 'identity/card-changed'`).trim();
	const before = mails();
	assert.equal((await useCard(thief, ca, ca.card('fourth'), { page: '/account/card' })).status, 303); // with the password
	assert.equal(Number(mails()), Number(before) + 1);
	const account = await city.client().login('resident4@example.jp');
	assert.equal((await account.submit(await account.get('/account/card'), '/account/card/remove', { password: 'no' }, { follow: false })).status, 422);
	assert.equal((await account.submit(await account.get('/account/card'), '/account/card/remove', { password: 'machi-demo-2026' }, { follow: false })).status, 303);
	assert.match(words((await account.get('/account/card')).text), /外しました/);
});

test('curl signs in with the files of the card', async () => {
	const client = city.client();
	const { card_href: href } = (await client.json('/login/card')).json;
	const curl = (...more) => execFileSync('curl', ['--silent', '--insecure', '--max-time', '30', '--header', 'Accept: application/json', ...more, href], { encoding: 'utf8' });
	assert.match(curl(), /証明書が届きませんでした/);
	const shown = JSON.parse(curl('--cert', ca.file('first', 'authentication.crt'), '--key', ca.file('first', 'authentication.key')));
	const back = new URL(shown.href);
	assert.equal((await client.get(back.pathname + back.search, { follow: false })).location, '/my');
	// Somebody else's key does not go with the certificate: TLS itself fails.
	assert.throws(() => curl('--cert', ca.file('first', 'authentication.crt'), '--key', ca.file('stranger', 'authentication.key')));
});

test('a card that nobody linked signs nobody in: the page says how to link it or to register', async () => {
	const client = city.client();
	const page = await useCard(client, ca, 'stranger');
	assert.equal(page.status, 200);
	assert.match(page.words, /まだどのアカウントにも結び付いていません/);
	assert.match(page.text, /\/register\?next=%2Faccount%2Fcard/);
	assert.equal((await client.get('/my', { follow: false })).status, 303);
	const english = city.client({ lang: 'en' });
	assert.match((await useCard(english, ca, 'stranger')).words, /not linked to an account yet/);
});

test('a linked card is no other account\'s', async () => {
	const other = await city.client().login('resident2@example.jp');
	const page = await useCard(other, ca, 'first', { page: '/account/card' });
	assert.equal(page.status, 422);
	assert.match(page.words, /別のアカウント/);
});

for (const [fault, text] of [['expired', /有効期限が切れて/], ['not-yet', /まだ始まって/], ['forged', /信頼する認証局が発行したものではありません/],
	['usage', /用途が違います/], ['policy', /この用途のために/]])
	test(`${fault}: refused with plain words`, async () => {
		const client = city.client();
		const page = await useCard(client, ca, ca.card(`bad-${fault}`, '--fault', fault));
		assert.equal(page.status, 422);
		assert.match(page.words, text);
		assert.equal((await client.get('/my', { follow: false })).status, 303);
	});

test('the signature certificate does not sign in', async () => {
	const page = await useCard(city.client(), ca, 'first', { present: (url) => getWithCard(url, ca, 'first', 'signature') });
	assert.equal(page.status, 422);
});

test('a revoked card is refused; a renewed one, linked after signing in another way, keeps the account', async () => {
	const resident = await city.client().login('resident3@example.jp');
	assert.equal((await useCard(resident, ca, 'second', { page: '/account/card' })).status, 303);
	ca.run('card', 'renewed', '--key', 'ec', '--renew', 'second');
	const refused = await useCard(city.client(), ca, 'second');
	assert.equal(refused.status, 422);
	assert.match(refused.words, /失効しています.*新しい証明書/);
	assert.match(words((await resident.get('/account/card')).text), /失効しました/);
	assert.equal((await useCard(city.client(), ca, 'renewed')).status, 200); // not linked yet
	assert.equal((await useCard(resident, ca, 'renewed', { page: '/account/card' })).status, 303);
	const back = city.client();
	assert.equal((await useCard(back, ca, 'renewed')).status, 303);
	assert.deepEqual((await back.json('/account')).json.account?.login ?? 'resident3@example.jp', 'resident3@example.jp');
	// A further card takes the place of that one.
	ca.card('third');
	assert.equal((await useCard(resident, ca, 'third', { page: '/account/card' })).status, 303);
	assert.match(words((await resident.get('/account/card')).text), /新しいカードに替わりました/);
	assert.equal((await useCard(city.client(), ca, 'renewed')).status, 200);
});

test('without a card, with an old page, with another browser: nobody is signed in', async () => {
	const client = city.client();
	const begin = await client.json('/login/card');
	assert.equal((await getWithCard(begin.json.card_href, ca, null)).status, 422);
	assert.equal((await getWithCard(`${cardUrl}/login/card/present?state=x`, ca, 'first')).status, 422);
	const shown = JSON.parse((await getWithCard(begin.json.card_href, ca, 'first')).text);
	const path = new URL(shown.href).pathname + new URL(shown.href).search;
	// Somebody else is sent the address: their browser has no such cookie.
	assert.equal((await city.client().get(path, { follow: false })).status, 422);
	// It was used up by that.
	assert.equal((await client.get(path, { follow: false })).status, 422);
	const once = await useCard(client, ca, 'first');
	assert.equal(once.status, 303);
});

test('the listener for cards answers nothing else', async () => {
	for (const path of ['/', '/login', '/account', '/healthz', '/api/openapi.json'])
		assert.equal((await getWithCard(cardUrl + path, ca, 'first')).status, 404);
});

test('a certificate in a header counts only from the proxy that the settings name', async () => {
	const present = async (url) => {
		const to = new URL(url);
		const answer = await fetch(city.url + to.pathname + to.search, { headers: { accept: 'application/json', 'x-client-cert': encodeURIComponent(ca.pem('first')) } });
		return { status: answer.status, text: await answer.text() };
	};
	assert.equal((await useCard(city.client(), ca, 'first', { present })).status, 422);
	await city.kill();
	const at = city.settings.indexOf(nobody);
	city.settings[at] = '127.0.0.1';
	await city.serve();
	assert.equal((await useCard(city.client(), ca, 'first', { present })).status, 303);
});

test('the journal verifies', () => {
	city.cli('verify');
});

test('without card.simulator a city with a simulator\'s authorities is not served', async () => {
	await city.kill();
	assert.throws(() => execFileSync(process.env.MACHI_BIN ?? 'build/machi', ['verify', '--data', city.dir], { env: { ...city.env, MACHI_CARD_SIMULATOR: 'false' }, stdio: 'pipe' }), /card\.simulator/);
});
