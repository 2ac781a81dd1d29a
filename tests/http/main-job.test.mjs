// The main job: a resident applies, the office decides, anybody verifies the answer.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, until, words } from '../lib/city.mjs';
import { applyByJson, dog, nested, idOf, office, owner, photo, place } from '../lib/dog.mjs';

const city = await City.start({ mail: true });
test.after(() => city.stop());
const people = await city.office(office);
const password = '柳の下に-三匹のどじょう';

// Presses a button of an application's page in the office.
async function act(login, id, verb, values = {}) {
	const staff = await city.as(login);
	return staff.submit(await staff.get(`/staff/applications/${id}`), `/${verb}`, values);
}

// RFC 9162 §2.1.3.2, with the hashes of RFC 6962.
function included(leaf, index, size, path, root) {
	const node = (a, b) => createHash('sha256').update(Buffer.concat([Buffer.from([1]), a, b])).digest();
	let at = index, last = size - 1, hash = leaf;
	for (const p of path) {
		if (at % 2 || at === last) {
			hash = node(p, hash);
			while (at && at % 2 === 0) { at = Math.floor(at / 2); last = Math.floor(last / 2); }
		} else hash = node(hash, p);
		at = Math.floor(at / 2);
		last = Math.floor(last / 2);
	}
	return last === 0 && hash.equals(root);
}

// The PDF is what the standard tools accept, with this text.
function checkPdf(bytes, ...texts) {
	const file = join(city.dir, 'document.pdf');
	writeFileSync(file, bytes);
	const signature = execFileSync('sh', ['-c', 'pdfsig "$1" 2>&1 || true', 'sh', file], { encoding: 'utf8' });
	assert.match(signature, /Signature is Valid/);
	assert.match(signature, /Total document signed/);
	const text = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' }).normalize('NFKC').replace(/\s/g, '');
	for (const one of texts) assert.ok(text.includes(one.normalize('NFKC').replace(/\s/g, '')), `${one} in ${text}`);
	const fonts = execFileSync('pdffonts', [file], { encoding: 'utf8' }).trim().split('\n').slice(2);
	assert.ok(fonts.length > 0);
	for (const font of fonts) assert.match(font, / yes +(yes|no) +(yes|no) +\d+ +\d+$/, 'every font is embedded');
}

test('procedures are found by the words that people use, in kanji, kana and full width', async () => {
	for (const [word, id] of [['犬', 'dog-registration'], ['イヌ', 'dog-registration'], ['ＤＯＧ', 'dog-registration'], ['ひっこし', 'change-of-address'], ['引越', 'change-of-address'],
		['税金', 'tax-certificate'], ['ほいくえん', 'nursery-place'], ['りさい', 'damage-certificate'], ['カンバン', 'outdoor-advertisement']]) {
		const { procedures } = (await city.client().json(`/procedures?q=${encodeURIComponent(word)}`)).json;
		assert.ok(procedures.some((p) => p.id === id), `${word}: ${procedures.map((p) => p.id)}`);
	}
	const none = await city.client().get('/procedures?q=zzzz');
	assert.match(none.text, /見つかりませんでした/);
	assert.doesNotMatch(none.text, /class="m-results"/);
});

test('a resident applies with forms, the office decides, the answer is verified', async (t) => {
	const resident = city.client();
	let page, id, receipt, document;

	await t.test('registers, and confirms the e-mail address', async () => {
		page = await resident.submit(await resident.get('/register'), '/register',
			{ 'name.family': '街田', 'name.given': '花', mail: 'hana@example.jp', password });
		assert.equal(page.url, '/register/sent');
		const [, link] = await city.mailbox.find('hana@example.jp', /(\/confirm\/\S+)/);
		page = await resident.submit(await resident.get(link), '/confirm/', { password });
		assert.equal(page.url, '/account/profile');
		page = await resident.post('/logout');
		assert.equal((await resident.get('/my', { follow: false })).status, 303);
	});

	await t.test('signs in and fills in the form step by step', async () => {
		await resident.login('hana@example.jp', password);
		page = await resident.submit(await resident.get('/procedures/dog-registration'), '/apply');
		id = idOf(page.url);
		assert.equal(page.url, `/applications/${id}/steps/1`);
		page = await resident.submit(page, '/steps/1', owner);
		assert.equal(page.url, `/applications/${id}/steps/2`);
		page = await resident.submit(page, '/steps/2', dog);
		page = await resident.submit(page, '/steps/3', place);
		page = await resident.submit(page, '/steps/4', { 'attachments.photo': photo() });
		assert.equal(page.url, `/applications/${id}/confirm`);
		for (const text of ['街田 花', '〒760-8571', '令和7年4月1日', '柴犬', '犬.png', '3,000円']) assert.ok(words(page.text).includes(text), text);
	});

	await t.test('submits and gets a receipt number', async () => {
		page = await resident.submit(page, '/submit');
		assert.equal(page.url, `/applications/${id}?submitted=1`);
		[receipt] = /\d{4}-\d{4}-\d{4}-[\dX]/.exec(page.text);
		await city.mailbox.find('hana@example.jp', new RegExp(receipt));
		page = await resident.get('/my');
		assert.ok(page.text.includes(receipt));
	});

	await t.test('the office accepts and asks for a correction', async () => {
		const clerk = await city.as(people.clerk);
		page = await clerk.get('/staff');
		assert.ok(page.text.includes(`/staff/applications/${id}`));
		page = await act(people.clerk, id, 'accept');
		assert.equal(page.status, 200);
		page = await act(people.clerk, id, 'correction', { field: ['dog.colour', 'attachments.photo'], message: '毛の色を確かめてください。' });
		assert.equal(page.status, 200);
		await city.mailbox.find('hana@example.jp', /毛の色を確かめてください。/);
	});

	await t.test('the resident corrects', async () => {
		page = await resident.get(`/applications/${id}/correct`);
		assert.ok(page.text.includes('毛の色を確かめてください。'));
		page = await resident.submit(page, '/correct', { 'dog.colour': '赤茶', 'attachments.photo': photo('横から.png') });
		assert.equal(page.url, `/applications/${id}`);
		const text = words(page.text);
		assert.ok(text.includes('赤茶') && text.includes('横から.png') && text.includes('第2版'), text);
		// Both versions are there for the office.
		page = await (await city.as(people.clerk)).get(`/staff/applications/${id}?revision=1`);
		assert.match(words(page.text), /赤茶[\s\S]*毛の色 茶 /);
	});

	await t.test('a clerk drafts, nobody approves the own draft, the chief decides', async () => {
		page = await act(people.clerk, id, 'draft', { outcome: 'granted' });
		assert.equal(page.status, 200);
		const clerk = await city.as(people.clerk), { turn } = (await clerk.json(`/staff/applications/${id}`)).json.application;
		page = await clerk.post(`/staff/applications/${id}/route`, { action: 'approve', turn: String(turn) });
		assert.equal(page.status, 403);
		assert.ok(page.text.includes('自分が起案したものは、自分では決裁できません。'));
		page = await act(people.chief, id, 'route', { action: 'approve', comment: '適当と認めます。' });
		assert.equal(page.status, 200);
		await city.mailbox.find('hana@example.jp', /許可|認め|交付/);
	});

	await t.test('the fee is paid and the document is issued', async () => {
		page = await act(people.clerk2, id, 'payment', { yen: '3000', method: 'cash' });
		assert.equal(page.status, 200);
		document = await until(async () => (await resident.json(`/applications/${id}`)).json.documents[0], 'the document');
		assert.equal(document.title, '犬の登録のお知らせ');
		await city.mailbox.find('hana@example.jp', new RegExp(document.code));
	});

	await t.test('the applicant has the PDF, and nobody else', async () => {
		page = await resident.get(document.href);
		assert.equal(page.status, 200);
		assert.equal(page.headers.get('content-type'), 'application/pdf');
		checkPdf(page.bytes, '犬の登録のお知らせ', '街田花', 'ポチ', '赤茶', document.number);
		const other = await city.as('resident2@example.jp');
		assert.equal((await other.get(document.href)).status, 404);
		assert.equal((await city.client().get(document.href, { follow: false })).status, 303);
		assert.equal((await (await city.as('clerk1-1')).get(document.href)).status, 404);
		assert.equal((await (await city.as(people.clerk)).get(document.href)).status, 200);
	});

	await t.test('anybody verifies it', async () => {
		const anybody = city.client();
		const pdf = (await resident.get(document.href)).bytes;
		const found = await until(async () => {
			const { json } = await anybody.json(`/verify/${document.code}`);
			return json.is_recorded && json;
		}, 'a place in the journal');
		assert.equal(found.document.sha256, createHash('sha256').update(pdf).digest('hex'));
		assert.equal(found.document.valid, true);
		assert.ok(!JSON.stringify(found).includes('街田'), 'no personal data');
		const [entry] = found.entries, { head } = found;
		const leaf = createHash('sha256').update(Buffer.concat([Buffer.from([0]), Buffer.from(entry.text)])).digest();
		assert.ok(entry.text.includes(found.document.sha256));
		assert.ok(included(leaf, entry.leaf, head.size, entry.path.map((h) => Buffer.from(h, 'hex')), Buffer.from(head.root, 'hex')));
		assert.ok(!included(leaf, entry.leaf, head.size, entry.path.slice(1).map((h) => Buffer.from(h, 'hex')), Buffer.from(head.root, 'hex')));
		const proof = (await anybody.json(`/journal/inclusion?leaf=${entry.leaf}&size=${head.size}`)).json;
		assert.deepEqual(proof.path, entry.path);
		page = await anybody.submit(await anybody.get('/verify'), '/verify', { pdf: Object.assign(new Blob([pdf]), { name: 'a.pdf' }) });
		assert.match(page.url, new RegExp(`/verify/${document.code}\\?sha256=`));
		page = await anybody.get(`/verify/${document.code.toLowerCase()}`);
		assert.equal(page.status, 200);
		assert.equal((await anybody.get('/verify/0000000000000000')).status, 404);
	});

	await t.test('the journal covers all of it', () => {
		assert.match(city.cli('verify'), /^problems: 0$/m);
	});
});

test('a program does the same with JSON', async () => {
	const resident = await city.as('resident3@example.jp');
	const { id, receipt, answer } = await applyByJson(resident);
	assert.match(receipt, /^\d{4}-\d{4}-\d{4}-[\dX]$/);
	assert.equal(answer.location, `/applications/${id}?submitted=1`);
	const turn = async (login) => (await (await city.as(login)).json(`/staff/applications/${id}`)).json.application.turn;
	for (const [login, verb, body] of [
		[people.clerk, 'accept', {}],
		[people.clerk, 'correction', { field: ['dog.colour'], message: 'Which colour?', 'message.dog.colour': 'brown or red' }],
	]) {
		const done = await (await city.as(login)).postJson(`/staff/applications/${id}/${verb}`, { turn: await turn(login), ...body });
		assert.ok(done.status < 300, done.text);
	}
	const asked = (await resident.json(`/applications/${id}/correct`)).json;
	assert.equal(asked.correction.fields[0].field, 'dog.colour');
	const corrected = await resident.postJson(`/applications/${id}/correct`, nested({ ...dog, 'dog.colour': 'red' }));
	assert.ok(corrected.status < 300, corrected.text);
	for (const [login, verb, body] of [
		[people.clerk, 'draft', { outcome: 'granted' }],
		[people.chief2, 'route', { action: 'approve' }],
		[people.clerk, 'payment', { yen: 3000, method: 'transfer' }],
	]) {
		const done = await (await city.as(login)).postJson(`/staff/applications/${id}/${verb}`, { turn: await turn(login), ...body });
		assert.ok(done.status < 300, done.text);
	}
	const document = await until(async () => (await resident.json(`/applications/${id}`)).json.documents[0], 'the document');
	checkPdf((await resident.get(document.href)).bytes, 'red');
	const { application } = (await resident.json(`/applications/${id}`)).json;
	assert.equal(application.state, 'granted');
	assert.equal(application.fee.paid, 3000);
});
