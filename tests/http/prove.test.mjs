// Proving who one is with the signature certificate of a (simulated) My Number Card: the level of
// identity, the items that the account and the card have, and a procedure that asks for the highest.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, freePort, words } from '../lib/city.mjs';
import { CardAuthority, serverCertificate, useCard } from '../lib/card.mjs';

let ca, city, extra;

before(async () => {
	ca = await CardAuthority.start();
	extra = mkdtempSync(join(tmpdir(), 'machi-prove-'));
	const port = await freePort(), { cert, key } = serverCertificate(extra);
	city = await City.start({
		init: ['--demo-size', '5'], mail: true,
		settings: ['--card-port', String(port), '--card-cert', cert, '--card-key', key, '--card-url', `https://127.0.0.1:${port}`,
			'--card-crl', 'signature.crl authentication.crl'],
		env: { MACHI_CARD_SIMULATOR: 'true' },
	});
	ca.run('trust', join(city.dir, 'demo'));
	await city.kill();
	await city.serve();
	ca.card('taro', '--name', '試験　太郎', '--birthday', '1985-04-01', '--address', '香川県高松市番町一丁目８番１５号', '--sex', '1');
	ca.card('hanako');
});
after(async () => {
	await city?.stop();
	ca?.stop();
	if (extra) rmSync(extra, { recursive: true, force: true });
});

const page = '/account/assurance/card';
const textOf = async (client, form) => (await client.get(/href="([^"]*\/login\/card\/text\?state=[^"]*)"/.exec(form.text)[1].replaceAll('&amp;', '&'))).bytes;
const stateOf = (form) => /name="state" value="([^"]*)"/.exec(form.text)[1].replaceAll('&quot;', '"').replaceAll('&amp;', '&');
const bring = (client, form, p7s, path = page, next) => client.post(path, [['state', stateOf(form)], ...next ? [['next', next]] : [], ['signature', new Blob([p7s])]], { multipart: true, follow: false });
const levels = (client) => client.json('/account/assurance').then((answer) => answer.json.present);
const profile = (values) => ({ 'name.family': '試験', 'name.given': '太郎', 'birthday.year': '1985', 'birthday.month': '4', 'birthday.day': '1',
	'address.postal_code': '760-0017', 'address.prefecture': '香川県', 'address.city': '高松市', 'address.town': '番町', 'address.street': '1-8-15', lang: 'ja', ...values });
async function newResident(mail, { client = city.client(), next, family = '試験', given = '太郎' } = {}) {
	const form = await client.get(`/register${next ? `?next=${encodeURIComponent(next)}` : ''}`);
	await client.submit(form, '/register', { 'name.family': family, 'name.given': given, mail, password: 'umi no mieru machi 26' });
	const { text } = await city.mailbox.take(mail);
	const link = new URL(/http:\S+\/confirm\/\S+/.exec(text)[0]).pathname;
	const done = await client.submit(await client.get(link), link, { password: 'umi no mieru machi 26' }, { follow: false });
	assert.equal(done.status, 303, done.text);
	return { client, location: done.location };
}

test('what one signs says for whom it is, and is this browser\'s', async () => {
	const { client } = await newResident('one@example.jp');
	const form = await client.get(page);
	const text = String(await textOf(client, form));
	assert.match(text, new RegExp(`${city.url.replaceAll('.', '\\.')}`));
	assert.match(text, /署名しないでください/);
	assert.notEqual(text, String(await textOf(client, await client.get(page))));
	// Another browser's text is not taken, even with a good signature.
	const { client: other } = await newResident('two@example.jp');
	const taken = await bring(other, form, ca.sign('taro', text));
	assert.equal(taken.status, 422);
	assert.match(words(taken.text), /ほかの画面のもの/);
	assert.equal((await levels(other)).identity, 1);
	assert.equal((await other.get(`/login/card/text?state=${encodeURIComponent(stateOf(form))}`)).status, 404);
});

test('the same items in the account: level 3 at once, however a house number is written', async () => {
	const { client } = await newResident('same@example.jp');
	assert.equal((await client.post('/account/profile', profile(), { follow: false })).status, 303);
	const form = await client.get(page);
	const done = await bring(client, form, ca.sign('taro', await textOf(client, form)));
	assert.equal(done.status, 303, words(done.text));
	assert.equal(done.location, '/account/assurance');
	const shown = await client.get('/account/assurance');
	assert.match(words(shown.text), /マイナンバーカードで確かめてあります.*カードの署名.*有効/);
	assert.deepEqual(await levels(client), { identity: 3, authentication: 1 });
	assert.match(city.cli('verify'), /problems: 0/);
	// The proof was of these items: another name is nobody's proof.
	assert.equal((await client.post('/account/profile', profile({ phone: '087-839-2011' }), { follow: false })).status, 303);
	assert.equal((await levels(client)).identity, 3);
	assert.equal((await client.post('/account/profile', profile({ 'name.given': '次郎' }), { follow: false })).status, 303);
	assert.equal((await levels(client)).identity, 1);
	assert.match(words((await client.get('/account/assurance')).text), /変わったため終わりました/);
	assert.match(city.cli('verify'), /problems: 0/);
});

test('a difference is shown before it is taken over; nothing changes until then', async () => {
	const { client } = await newResident('differs@example.jp', { family: '別人' });
	const form = await client.get(page);
	const brought = await bring(client, form, ca.sign('taro', await textOf(client, form)));
	assert.equal(brought.location, `${page}/confirm`);
	const shown = await client.get(brought.location);
	assert.match(words(shown.text), /カード 試験 太郎 アカウント 別人 太郎 違います 生年月日 カード 1985年4月1日.* アカウント まだ入っていません 住所/);
	assert.equal((await levels(client)).identity, 1);
	// It is this browser's and this account's: another session of somebody else does not get it.
	const thief = (await newResident('thief@example.jp')).client;
	thief.cookies.set('card-found', client.cookies.get('card-found'));
	assert.equal((await thief.get(`${page}/confirm`, { follow: false })).location, page);
	const taken = await client.submit(shown, `${page}/confirm`, {}, { follow: false });
	assert.equal(taken.status, 303, taken.text);
	assert.equal((await levels(client)).identity, 3);
	const { profile: now } = (await client.json('/account')).json;
	assert.deepEqual(now.name, { family: '試験', given: '太郎' });
	assert.equal(now.birthday, '1985-04-01');
	assert.equal(now.address.prefecture, '香川県');
	// Once.
	assert.equal((await client.get(`${page}/confirm`, { follow: false })).location, page);
});

test('a signature that is not to be believed raises nothing', async () => {
	const { client } = await newResident('bad@example.jp');
	await client.post('/account/profile', profile(), { follow: false });
	const form = await client.get(page), text = await textOf(client, form);
	for (const [fault, why] of [['expired', /有効期限/], ['forged', /信頼する認証局/], ['usage', /用途が違います/], ['policy', /この用途/], ['items', /読み取れません/]]) {
		const card = ca.card(`prove-${fault}`, '--fault', fault, '--name', '試験　太郎', '--birthday', '1985-04-01');
		const answer = await bring(client, form, ca.sign(card, text));
		assert.equal(answer.status, 422, fault);
		assert.match(words(answer.text), why);
	}
	assert.match(words((await bring(client, form, ca.sign('taro', `${text} `))).text), /署名したときと違います/);
	assert.match(words((await bring(client, form, text)).text), /読み取れない/);
	assert.equal((await bring(client, form, Buffer.alloc(0))).status, 422);
	const revoked = ca.sign(ca.card('prove-gone', '--name', '試験　太郎'), text);
	ca.run('revoke', 'prove-gone', 'signature');
	ca.run('trust', join(city.dir, 'demo'));
	assert.match(words((await bring(client, form, revoked)).text), /失効しています/);
	assert.equal((await levels(client)).identity, 1);
	assert.equal(city.sql(`SELECT count(*) FROM identity_proof WHERE person = (SELECT id FROM person WHERE mail = 'bad@example.jp')`).trim(), '0');
});

test('a new user with a card: register, sign in with it, prove who they are, apply where the most is asked for', async () => {
	const client = city.client();
	// Begins with the signature: the form of registration has the name of the card.
	const begin = await client.get('/register/card');
	const brought = await bring(client, begin, ca.sign('hanako', await textOf(client, begin)), '/register/card');
	assert.equal(brought.location, '/register?next=%2Faccount%2Fassurance%2Fcard%2Fconfirm');
	const form = await client.get(brought.location);
	assert.match(form.text, /name="name.family"[^>]*value="見本"/);
	assert.match(form.text, /name="name.given"[^>]*value="花子"/);
	const { location } = await newResident('hanako@example.jp', { client, next: `${page}/confirm`, family: '見本', given: '花子' });
	assert.equal(location, `${page}/confirm`);
	assert.match(words((await client.get(location)).text), /カード 見本 花子 アカウント 見本 花子 同じ/);
	assert.equal((await client.submit(await client.get(location), location, {}, { follow: false })).status, 303);
	assert.deepEqual(await levels(client), { identity: 3, authentication: 1 });
	// The card's other certificate signs in.
	assert.equal((await client.post('/account/card/link', { ticket: await ticketOf(client, 'hanako'), password: 'umi no mieru machi 26' }, { follow: false })).status, 303);
	const back = city.client();
	assert.equal((await useCard(back, ca, 'hanako')).status, 303);
	assert.deepEqual(await levels(back), { identity: 3, authentication: 3 });
	const applied = await back.post('/procedures/seal-certificate/apply', { applicant_kind: 'resident' }, { follow: false });
	assert.match(applied.location, /^\/applications\/\d+\//);
});

async function ticketOf(client, card) {
	const shown = await useCard(client, ca, card, { page: '/account/card' });
	return /name="ticket" value="([^"]*)"/.exec(shown.text)[1];
}

test('where two things are missing the page offers both, and each leads to the other', async () => {
	const { client } = await newResident('step@example.jp');
	await client.post('/account/profile', profile(), { follow: false });
	const asked = await client.post('/procedures/seal-certificate/apply', { applicant_kind: 'resident' }, { follow: false });
	assert.match(asked.location, /^\/account\/assurance\?identity=3&authentication=3/);
	const way = (await client.json(asked.location)).json.ways.find((w) => w.name === 'signature');
	const form = await client.get(way.href);
	const next = new URL(way.href, city.url).searchParams.get('next');
	const done = await bring(client, form, ca.sign('taro', await textOf(client, form)), page, next);
	assert.equal(done.location, asked.location);
	const shown = await client.json(asked.location);
	assert.deepEqual(shown.json.present, { identity: 3, authentication: 1 });
	assert.ok(!shown.json.ways.some((w) => w.name === 'signature'));
	assert.ok(shown.json.others.some((w) => w.name === 'card'));
});

test('documents at the counter: level 2 until the day that the officer said, shown to the resident', async () => {
	const { client } = await newResident('counter@example.jp');
	const id = city.sql(`SELECT id FROM account WHERE login = 'counter@example.jp'`).trim();
	const form = `/staff/residents/${id}/proof`;
	const { clerk: login } = await city.office('市民課');
	const admin = await city.as('admin'), clerk = await city.as(login);
	assert.equal((await clerk.get(form, { follow: false })).status, 403);
	city.cli('user', 'grant', login, '--role', 'identity_check');
	const officer = await city.client().login(login);
	const found = await officer.post('/staff/residents', { q: 'counter@example.jp', reason: '窓口に来た' });
	assert.match(found.text, new RegExp(`${form}"`));
	assert.doesNotMatch(found.text, /\/do"/, 'locking is not theirs');
	assert.equal((await officer.post(`/staff/residents/${id}/do`, { do: 'lock' }, { follow: false })).status, 403);
	assert.match((await admin.post('/staff/residents', { q: 'counter@example.jp', reason: '問い合わせ' })).text, /\/do"/);
	const now = new Date().toLocaleDateString('sv-SE', { timeZone: 'Asia/Tokyo' }), year = Number(now.slice(0, 4)) + 2;
	const day = (name, iso) => Object.fromEntries(['year', 'month', 'day'].map((part, i) => [`${name}.${part}`, iso.split('-')[i]]));
	const note = (documents, until = `${year}-03-31`, date = now) => officer.post(form, { ...day('date', date), ...day('until', until), documents }, { follow: false });
	assert.match(words((await note('licence')).text), /生年月日と住所が入っていません/);
	await client.post('/account/profile', profile(), { follow: false });
	for (const [given, why] of [[['insurance'], /2点必要/], [[undefined], /書類を選んで/], [['licence', `${year + 12}-03-31`], /10年後まで/],
		[['licence', '2026-01-01'], /10年後まで/], [['licence', `${year}-03-31`, `${year}-01-01`], /今日までの日付/]])
		assert.match(words((await note(...given)).text), why);
	assert.equal((await levels(client)).identity, 1);
	const done = await note('licence');
	assert.equal(done.status, 303, words(done.text));
	assert.equal((await levels(client)).identity, 2);
	assert.match(words((await client.get('/account/assurance')).text), new RegExp(`書類で確かめてあります.*窓口.*${year}年3月31日.*運転免許証`));
	assert.match(words((await client.get('/my/readings')).text), /窓口での本人確認/);
	assert.match(city.cli('verify'), /problems: 0/);
	// It ends by itself.
	city.sql(`UPDATE identity_proof SET from_date = '2026-01-01', until_date = '2026-01-01' WHERE method = 'counter'`);
	assert.equal((await levels(client)).identity, 1);
	city.sql(`UPDATE identity_proof SET from_date = '${now}', until_date = '${year}-03-31' WHERE method = 'counter'`);
});

test('the journal verifies', () => {
	assert.match(city.cli('verify'), /problems: 0/);
});
