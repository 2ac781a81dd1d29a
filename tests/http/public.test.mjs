// What the public reads when something is not as they hoped: nothing found, too early, too late, refused, a
// document that is not genuine, and every error page; in both languages, with the next step.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { City, root, until, words } from '../lib/city.mjs';
import { idOf } from '../lib/dog.mjs';
import { applyForCourse, applyForTaxCertificate } from '../lib/apply.mjs';
import { pdfText } from '../lib/pdf.mjs';

const city = await City.start();
test.after(() => city.stop());
const anybody = city.client(), english = city.client({ lang: 'en' });
const resident = await city.as('resident1@example.jp');
const main = (page) => words(/<main[\s\S]*<\/main>/.exec(page.text)[0]);

const found = async (query) => (await anybody.json(`/procedures?q=${encodeURIComponent(query)}`)).json.procedures.map((p) => p.id);

test('search: any script, and the right one first', async () => {
	for (const query of ['犬', 'いぬ', 'イヌ', 'ｲﾇ', 'inu', 'INU', 'ｉｎｕ', 'dog', 'Ｄｏｇ']) assert.equal((await found(query))[0], 'dog-registration', query);
	assert.deepEqual(await found('hikkoshi'), await found('ひっこし'));
	assert.match((await anybody.json('/procedures?q=%E8%BB%A2%E5%85%A5')).json.procedures[0].title, /^転入/, 'what has the word in its name is first');
	const [none, also] = [await anybody.get('/procedures?q=xyzzy'), await english.get('/procedures?q=xyzzy')];
	assert.equal(none.status, 200);
	assert.match(none.text, /m-empty.*href="\/procedures"/s);
	assert.match(also.text, /m-empty.*href="\/en\/procedures"/s);
});

test('an application window: before, after, and for a draft that is too late', async () => {
	const id = idOf((await resident.postJson('/procedures/course-signup/apply', { applicant_kind: 'resident' })).location);
	await resident.postJson(`/applications/${id}/steps/1`, { course: { course: 'english' } });
	await resident.postJson(`/applications/${id}/steps/2`, { participant: { name: { family: '街田', given: '花' }, furigana: { family: 'マチダ', given: 'ハナ' }, belongs: 'lives', age_band: '40', email: 'hana@example.jp' } });
	const own = join(city.dir, 'demo/custom/packs/resident/procedures');
	mkdirSync(own, { recursive: true });
	const yaml = readFileSync(join(root, 'packs/resident/procedures/course-signup.yaml'), 'utf8');
	const reload = async (from, to) => {
		writeFileSync(join(own, 'course-signup.yaml'), yaml.replace('assurance: low', `window: {from: ${from}, to: ${to}}\nassurance: low`));
		city.process.kill('SIGHUP');
		await until(async () => (await anybody.json('/procedures/course-signup')).json.window_from === from, 'the window');
		return [main(await anybody.get('/procedures/course-signup')), main(await english.get('/procedures/course-signup'))];
	};
	let [ja, en] = await reload('2190-04-01', '2190-04-30');
	assert.match(ja, /受付はまだ始まっていません.*2190年4月1日.*2190年4月30日.*このページから申請できます/);
	assert.match(en, /Applications are not open yet.*1 April 2190.*you can apply from this page/);
	[ja, en] = await reload('2020-04-01', '2020-04-30');
	assert.match(ja, /受付は終わりました.*2020年4月30日.*担当課に相談してください.*生涯学習センター/);
	assert.match(en, /Applications are closed.*30 April 2020.*ask the department/);
	assert.match(main(await resident.get('/procedures/course-signup')), /下書きは残っていますが、今は送れません/);
	// A draft goes on under the version it was begun with, which has no window.
	assert.equal((await resident.postJson('/procedures/course-signup/apply', { applicant_kind: 'resident' })).status, 409);
	const refused = await resident.post('/procedures/course-signup/apply', { applicant_kind: 'resident' });
	assert.match(main(refused), /今は受付の期間ではありません/);
	assert.match(main(await english.get(`/procedures/course-signup`)), /Lifelong Learning Centre/);
});

test('a refusal: the reason and how to appeal, on the page and in the document; none where the law knows none', async () => {
	const tax = await city.office('市民税課'), learning = await city.office('生涯学習課');
	const press = async (login, id, verb, values = {}) => {
		const client = await city.as(login), done = await client.submit(await client.get(`/staff/applications/${id}`), `/${verb}`, values, { loose: true });
		assert.equal(done.status, 200, `${verb} ${main(done).slice(0, 600)}`);
	};
	const refuse = async (people, id) => {
		await press(people.clerk, id, 'accept');
		await press(people.clerk, id, 'draft', { outcome: 'refused', reason: '対象ではないため' });
		await press(people.chief, id, 'route', { action: 'approve' });
		const client = resident;
		await until(async () => (await client.json(`/applications/${id}`)).json.documents.length, 'the notice');
		return [main(await client.get(`/applications/${id}`)), words((await client.get(`/en/applications/${id}`)).text)];
	};
	const certificate = (await applyForTaxCertificate(resident)).id;
	const [ja, en] = await refuse(tax, certificate);
	assert.match(ja, /対象ではないため.*３か月以内に、市長に対して審査請求.*６か月以内/);
	assert.match(en, /three months|3 months/);
	const [document] = (await resident.json(`/applications/${certificate}`)).json.documents;
	assert.match((await pdfText((await resident.get(document.href)).bytes)).normalize('NFKC').replace(/\s/g, ''), /対象ではないため.*審査請求/s);
	writeFileSync(join(city.dir, 'demo/custom/packs/resident/procedures/course-signup.yaml'), readFileSync(join(root, 'packs/resident/procedures/course-signup.yaml')));
	city.process.kill('SIGHUP');
	await until(async () => (await anybody.json('/procedures/course-signup')).json.open, 'the course');
	const course = (await applyForCourse(resident, 'english')).id;
	const [plain] = await refuse(learning, course);
	assert.match(plain, /申請は認められませんでした.*対象ではないため/s);
	assert.doesNotMatch(plain, /審査請求/);
});

test('a document that is not genuine: what to do, in both languages', async () => {
	const [document] = (await resident.json('/my')).json.done.length ? (await resident.json(`/applications/${(await resident.json('/my')).json.done[0].id}`)).json.documents : [];
	const pdf = (await resident.get(document.href)).bytes;
	const altered = Object.assign(new Blob([pdf, '\n% changed']), { name: 'a.pdf' }), intact = Object.assign(new Blob([pdf]), { name: 'a.pdf' });
	for (const [client, other, unknown, noFile] of [[anybody, /書き換えられたか.*担当課に確かめてください/, /16文字と見比べて.*担当課に確かめてください/, /確認コードで確かめてください/],
		[english, /It was changed, or saved anew.*ask the department/, /Compare it with the 16 characters.*ask the department/, /check those with the verification code/]]) {
		const path = `/verify/${document.code}`;
		let page = await client.submit(await client.get(path), path, { pdf: altered });
		assert.match(main(page), other);
		assert.doesNotMatch(page.text, /m-banner--success/, 'nothing about it looks right');
		page = await client.submit(await client.get(path), path, { pdf: intact });
		assert.match(page.text, /m-banner--success/);
		page = await client.get('/verify?code=0000-0000-0000-0000');
		assert.equal(page.status, 404);
		assert.match(main(page), unknown);
		page = await client.submit(await client.get('/verify'), '/verify', { pdf: altered });
		assert.equal(page.status, 404);
		assert.match(main(page), noFile);
	}
});

test('a second page costs one request: all else is kept', async () => {
	const page = await anybody.get('/');
	for (const [, href] of page.text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g))
		assert.match((await anybody.get(href)).headers.get('cache-control'), /immutable/, href);
});

test('error pages: a title, plain words and a way on; problems for programs', async () => {
	const long = 'a'.repeat(3 << 20);
	const form = { 'content-type': 'application/x-www-form-urlencoded' };
	const cases = [
		[400, 'POST', '/login', { body: 'login=%FF', headers: form }],
		[404, 'GET', '/nowhere', {}],
		[405, 'DELETE', '/procedures', {}],
		[413, 'POST', '/login', { body: long, headers: form }],
		[415, 'POST', '/login', { body: 'x', headers: { 'content-type': 'application/pdf' } }],
	];
	const titles = new Set();
	for (const [status, method, path, { body, headers }] of cases) for (const client of [anybody, english]) {
		const page = await client.request(method, path, { body, headers: { ...headers, referer: `${city.url}/login` }, follow: false });
		assert.equal(page.status, status, path);
		assert.match(page.text, client === english ? /<html lang="en"/ : /<html lang="ja"/);
		const [, title] = /<title>([^<]+)</.exec(page.text), [, heading] = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(page.text);
		titles.add(title);
		assert.ok(title.startsWith(words(heading).trim()), `${title}: ${heading}`);
		assert.match(/<main[\s\S]*<\/main>/.exec(page.text)[0], /m-lead.*m-actions.*href="/s, `${status} has a way on`);
		const problem = await client.request(method, path, { body, headers: { ...headers, accept: 'application/json' }, follow: false });
		assert.equal(problem.headers.get('content-type'), 'application/problem+json', String(status));
		assert.deepEqual([problem.json.status, problem.status], [status, status]);
		assert.ok(problem.json.title && problem.json.detail && problem.json.type.startsWith('urn:machi:problem:'));
	}
	assert.equal(titles.size, cases.length * 2, 'each says something of its own');
	// Before it is known which city is meant.
	const raw = (accept) => new Promise((done, fail) => {
		let text = '';
		const socket = connect(city.port, '127.0.0.1', () => socket.write(`GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nAccept: ${accept}\r\nConnection: close\r\n\r\n`));
		socket.setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => done(text)).on('error', fail);
	});
	const doc = await raw('application/json');
	assert.match(doc, /^HTTP\/1.1 400 .*application\/problem\+json/s);
	assert.equal(JSON.parse(doc.split('\r\n\r\n')[1]).status, 400);
	assert.match(await raw('text/html'), /もう一度お試しください.*try again/s);
});
