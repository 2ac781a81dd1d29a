// What people and programs send wrong: each has its answer, and nothing that was typed is lost.
import test from 'node:test';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { City, forms, words } from '../lib/city.mjs';
import { applyByJson, dog, idOf, office, owner, photo, place } from '../lib/dog.mjs';

const city = await City.start({ settings: ['--upload-max', '300000', '--body-max', '100000', '--timeout', '2'] });
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp');
const begin = async (client = resident) => client.submit(await client.get('/procedures/dog-registration'), '/apply');
const typed = (page) => new Map(forms(page.text).find((f) => f.action.includes('/steps/'))?.fields ?? []);
const blob = (bytes, name, type) => Object.assign(new Blob([bytes], { type }), { name });

test('wrong fields come back with what was typed, a summary that links to them, and their message', async () => {
	let page = await resident.submit(await begin(), '/steps/1', owner);
	const wrong = { ...dog, 'dog.breed': '', 'dog.birthday.year': '99', 'dog.chip': 'yes', 'dog.chip_number': '12<b>' };
	page = await resident.submit(page, '/steps/2', wrong, { loose: true });
	assert.equal(page.status, 422);
	for (const [name, value] of Object.entries(wrong)) if (!/chip_number|kept_since/.test(name)) assert.equal(typed(page).get(name), value, name);
	assert.ok(!page.text.includes('12<b>'), 'escaped');
	assert.ok(words(page.text).includes('犬の種類を入力してください。'));
	const summary = /<div[^>]*m-error-summary[\s\S]*?<\/ul>/.exec(page.text)?.[0] ?? /<[^>]*role="alert"[\s\S]*?<\/ul>/.exec(page.text)[0];
	const links = [...summary.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
	assert.ok(links.length >= 2, summary);
	for (const id of links) assert.ok(page.text.includes(`id="${id}"`), `#${id} is on the page`);
	assert.match(page.text, /<title>エラー/);
	assert.match(page.text, /aria-invalid="true"/);
});

test('what was right comes back as it was typed, too: western years, full-width digits, plain codes', async () => {
	const wide = { ...owner, 'owner.phone': '０８７（８００）０００１', 'owner.address.postal_code': '７６０８５７１', 'owner.furigana.family': 'まちだ', 'owner.name.given': '' };
	let page = await resident.submit(await begin(), '/steps/1', wide);
	assert.equal(page.status, 422);
	for (const [name, value] of Object.entries(wide)) assert.equal(typed(page).get(name), value, name);
	page = await resident.submit(page, '/steps/1', { 'owner.name.given': '花' });
	const western = { ...dog, 'dog.birthday.era': '', 'dog.birthday.year': '２０２５', 'dog.birthday.month': '０４', 'dog.breed': '' };
	page = await resident.submit(page, '/steps/2', western);
	assert.equal(page.status, 422);
	for (const [name, value] of Object.entries(western)) assert.equal(typed(page).get(name), value, name);
	page = await resident.submit(page, '/steps/2', { 'dog.breed': '柴犬' });
	assert.ok(page.url.endsWith('/steps/3'), 'and is understood');
	const sign = idOf((await resident.postJson('/procedures/outdoor-advertisement/apply', { applicant_kind: 'resident' })).location);
	const row = { 'signs.0.kind': 'wall', 'signs.0.area': '１２', 'signs.0.height': '3.0', 'signs.0.lighting': 'yes', 'signs.0.quantity': '０１', 'signs.0.text': '' };
	page = await resident.submit(await resident.get(`/applications/${sign}/steps/3`), '/steps/3', row);
	assert.equal(page.status, 422);
	for (const [name, value] of Object.entries(row)) assert.equal(typed(page).get(name), value, name);
});

test('messages are in the language of the page', async () => {
	const english = city.client({ lang: 'en' });
	english.cookies = resident.cookies;
	let page = await english.submit(await begin(english), '/steps/1', { 'owner.phone': 'abc', 'owner.name.family': '' });
	assert.equal(page.status, 422);
	assert.match(page.url, /^\/en\//);
	const text = words(page.text);
	assert.match(text, /Enter|phone/i);
	assert.doesNotMatch(/<main[\s\S]*<\/main>/.exec(page.text)[0].replace(/<(input|option|textarea)[^>]*>/g, '').replace(/<a [^>]*hreflang[\s\S]*?<\/a>/g, ''), /[ぁ-ん]/, 'no Japanese sentence');
	assert.equal(typed(page).get('owner.phone'), 'abc');
});

test('uploads of the wrong size, kind or place are refused, and the draft survives', async () => {
	let page = await resident.submit(await begin(), '/steps/1', owner);
	const id = idOf(page.url);
	page = await resident.submit(page, '/steps/2', dog);
	page = await resident.submit(page, '/steps/3', place);
	const files = page;
	page = await resident.submit(files, '/steps/4', { 'attachments.photo': blob('#!/bin/sh\nrm -rf /\n', '犬.png', 'image/png') });
	assert.equal(page.status, 422, 'a script behind the name of a picture');
	assert.match(words(page.text), /犬の写真/);
	page = await resident.submit(files, '/steps/4', { 'attachments.photo': blob('%PDF-1.4\n%âãÏÓ\n1 0 obj\n<<>>\nendobj\n', '犬.pdf', 'application/pdf') });
	assert.equal(page.status, 422, 'a PDF where a picture is wanted');
	page = await resident.submit(files, '/steps/4', { 'attachments.photo': blob(Buffer.alloc(400000, 1), '犬.png', 'image/png') });
	assert.equal(page.status, 413, 'more than a body may have');
	page = await resident.submit(files, '/steps/4', { 'attachments.photo': [1, 2, 3, 4].map((n) => photo(`${n}.png`)) });
	assert.equal(page.status, 422, 'more files than wanted');
	page = await resident.submit(files, '/steps/4', { 'attachments.other': photo(), unknown: photo() }, { loose: true });
	assert.equal(page.url, `/applications/${id}/confirm`, 'files nobody asked for are left aside');
	assert.doesNotMatch(page.text, /unknown|attachments\.other/);
	page = await resident.submit(files, '/steps/4', { 'attachments.photo': blob(Buffer.alloc(0), '空.png', 'image/png') });
	assert.ok([200, 422].includes(page.status));
	assert.ok(words((await resident.get(`/applications/${id}/confirm`)).text).includes('柴犬'));
});

test('broken bodies get a plain refusal, and the server goes on', async () => {
	const id = idOf((await begin()).url), path = `/applications/${id}/steps/1`;
	const cookie = [...resident.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
	const bodies = [
		['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nnever ends'],
		['multipart/form-data; boundary=x', 'no boundary at all'],
		['multipart/form-data', '--x--'],
		['multipart/form-data; boundary=x', '--x\r\nnonsense\r\n\r\n1\r\n--x--\r\n'],
		['application/json', '{"a":'],
		['application/json', '['.repeat(50000)],
		['application/json', '"\\ud800"'],
		['application/x-www-form-urlencoded', 'a=%ff%fe'],
		['application/x-www-form-urlencoded', 'a=%00'],
		['text/plain', 'a=1'],
	];
	for (const [type, body] of bodies) {
		const answer = await fetch(city.url + path, { method: 'POST', body, redirect: 'manual', headers: { cookie, 'content-type': type } });
		assert.ok(answer.status >= 400 && answer.status < 500, `${type} ${body.slice(0, 40)}: ${answer.status}`);
		await answer.arrayBuffer(); /* or its connection would be dropped at some later moment */
	}
	const raw = (text) => new Promise((done) => {
		const socket = connect(city.port, '127.0.0.1', () => socket.end(text));
		let answer = '';
		socket.on('data', (chunk) => { answer += chunk; }).on('close', () => done(answer)).on('error', () => done(answer));
	});
	for (const text of ['GET / HTTP/1.1\r\n\r\n', 'NONSENSE\r\n\r\n', 'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n', `GET /${'a'.repeat(100000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
		'POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n', '\0\0\0\0\r\n\r\n']) {
		const answer = await raw(text);
		assert.doesNotMatch(answer, /^HTTP\/1\.1 [25]/, text.slice(0, 40));
	}
	assert.equal((await resident.get('/healthz')).status, 200);
});

test('a session that ends in the middle of a form: sign in, and go on where it was', async () => {
	const own = city.client();
	await own.login('resident4@example.jp');
	let page = await own.submit(await begin(own), '/steps/1', owner);
	const step = page.url;
	own.cookies.delete('session');
	page = await own.submit(page, '/steps/2', dog, { follow: false, headers: { referer: city.url + step } });
	assert.equal(page.status, 303);
	assert.equal(page.location, `/login?next=${encodeURIComponent(step)}`);
	page = await own.submit(await own.get(page.location), '/login', { login: 'resident4@example.jp', password: 'machi-demo-2026' });
	assert.equal(page.url, step);
	page = await own.get(step.replace('/2', '/1'));
	assert.equal(typed(page).get('owner.address.town'), owner['owner.address.town'], 'the draft is as it was saved');
	// What leads away from the site is not followed.
	const elsewhere = city.client();
	page = await elsewhere.submit(await elsewhere.get('/login?next=//evil.example/'), '/login', { login: 'resident4@example.jp', password: 'machi-demo-2026' }, { follow: false });
	assert.doesNotMatch(page.location, /evil/);
});

test('sent twice, it is one application', async () => {
	let page = await resident.submit(await begin(), '/steps/1', owner);
	const id = idOf(page.url);
	page = await resident.submit(page, '/steps/2', dog);
	page = await resident.submit(page, '/steps/3', place);
	page = await resident.submit(page, '/steps/4');
	const answers = await Promise.all(Array.from({ length: 6 }, () => resident.submit(page, '/submit', {}, { follow: false })));
	for (const answer of answers) {
		assert.equal(answer.status, 303, answer.text.slice(0, 300));
		assert.equal(answer.location, `/applications/${id}?submitted=1`);
	}
	const { history } = (await resident.json(`/applications/${id}`)).json;
	assert.equal(history.filter((h) => h.event === 'submitted').length, 1);
	assert.equal((await resident.submit(page, '/submit')).status, 200, 'and later as well');
	// The form of a sent application is closed.
	page = await resident.post(`/applications/${id}/steps/2`, { ...dog, 'dog.colour': '黒' });
	assert.equal(page.status, 409);
	for (const left of ['steps/2', 'confirm']) { // who comes to it by the browser's "back" sees what was sent
		page = await resident.request('GET', `/applications/${id}/${left}`, { follow: false });
		assert.deepEqual([page.status, page.location], [303, `/applications/${id}`]);
	}
});

test('nothing is sent before it is complete', async () => {
	const page = await begin(), id = idOf(page.url);
	const answer = await resident.post(`/applications/${id}/submit`);
	assert.equal(answer.status, 422);
	assert.ok(words(answer.text).includes('犬の名前を入力してください。'));
	const confirm = await resident.get(`/applications/${id}/confirm`);
	assert.equal(confirm.status, 200);
	assert.doesNotMatch(confirm.text, /申請する<\/button>/);
});

test('unknown procedures, steps and applications are not there', async () => {
	const id = idOf((await begin()).url);
	for (const path of ['/procedures/no-such', '/procedures/no-such/paper', '/procedures/..%2f..%2fetc', `/applications/${id}/steps/99`, `/applications/${id}/steps/0`,
		`/applications/${id}/steps/x`, '/applications/999999', '/applications/-1', '/applications/99999999999999999999', '/staff', '/nowhere']) {
		const page = await resident.get(path, { follow: false });
		assert.equal(page.status, path === '/staff' ? 403 : 404, path);
		assert.match(page.text, /<h1/, path);
	}
	assert.equal((await resident.post('/procedures/no-such/apply')).status, 404);
	const problem = await resident.json('/procedures/no-such');
	assert.equal(problem.status, 404);
	assert.equal(problem.headers.get('content-type'), 'application/problem+json');
	assert.equal(problem.json.status, 404);
});

test("other people's applications are not there, whatever is asked of them", async () => {
	const draft = idOf((await begin()).url);
	const sent = (await applyByJson(resident)).id;
	const other = await city.as('resident2@example.jp');
	for (const id of [draft, sent]) {
		for (const path of ['', '/steps/1', '/confirm', '/withdraw', '/correct']) assert.equal((await other.get(`/applications/${id}${path}`)).status, 404, path);
		for (const path of ['/steps/1', '/submit', '/discard', '/withdraw', '/messages', '/correct']) assert.equal((await other.post(`/applications/${id}${path}`, { text: 'x' })).status, 404, path);
	}
	assert.equal((await resident.json(`/applications/${sent}`)).json.application.state, 'submitted');
});

test('hidden fields and names that were tampered with change nothing', async () => {
	let page = await resident.submit(await begin(), '/steps/1', owner);
	const id = idOf(page.url);
	page = await resident.submit(page, '/steps/2', { ...dog, 'owner.name.family': '乗っ取り', 'computed.days_kept': '-1', 'dog.fee': '0', fee_yen: '0', state: 'granted', account: '1', 'dog.sex': 'robot', '__proto__.x': '1' }, { loose: true });
	assert.equal(page.status, 422, 'a value that is no option');
	page = await resident.submit(page, '/steps/2', { ...dog, 'owner.name.family': '乗っ取り', 'computed.days_kept': '-1', fee_yen: '0', state: 'granted' }, { loose: true });
	page = await resident.submit(page, '/steps/3', place);
	page = await resident.submit(page, '/steps/4');
	assert.ok(!page.text.includes('乗っ取り'));
	page = await resident.submit(page, '/submit', { fee_yen: '0', receipt_number: '1', outcome: 'granted', applicant_kind: 'mayor' }, { loose: true });
	const { application } = (await resident.json(`/applications/${id}`)).json;
	assert.equal(application.state, 'submitted');
	assert.equal(application.fee.yen, 3000);
	assert.equal(application.applicant.kind, 'resident');
	assert.equal((await resident.post('/procedures/dog-registration/apply', { applicant_kind: 'mayor' })).status, 422);
	// The page that is "back to" after a bulk action is one of the site's.
	assert.equal((await resident.post(`/applications/${id}/withdraw`, { reason: 'x'.repeat(3000) })).status, 422);
});

test('without the form token nothing is done', async () => {
	const page = await begin(), id = idOf(page.url);
	const other = await city.as('resident2@example.jp');
	for (const csrf of [null, '', 'x', await other.token()]) {
		const answer = await resident.post(`/applications/${id}/discard`, { csrf });
		assert.equal(answer.status, 403, String(csrf));
	}
	const cross = await resident.post(`/applications/${id}/discard`, {}, { headers: { 'sec-fetch-site': 'cross-site' } });
	assert.equal(cross.status, 403);
	const json = await resident.request('POST', `/applications/${id}/discard`, { body: '{}', headers: { 'content-type': 'application/json', accept: 'application/json' } });
	assert.equal(json.status, 403);
	assert.equal((await resident.get(`/applications/${id}/steps/1`)).status, 200, 'it is still there');
	assert.equal((await resident.post(`/applications/${id}/discard`)).url, '/my');
	assert.equal((await resident.get(`/applications/${id}/steps/1`)).status, 404);
});

test('numbers and fields that are none are told at their place', async () => {
	const anybody = city.client();
	for (const [query, field] of [['leaf=x', 'leaf'], ['leaf=', 'leaf'], ['', 'leaf'], ['leaf=1&size=1e9', 'size']]) {
		const answer = await anybody.json(`/journal/inclusion?${query}`);
		assert.deepEqual([answer.status, answer.json.errors.map((e) => e.field)], [422, [field]], query);
	}
	const own = await city.office(office), clerk = await city.as(own.clerk);
	const { id } = await applyByJson(resident);
	// A correction of what the form does not have could not be answered.
	for (const field of ['dog.nothing', 'nothing', 'attachments', 'dog'])
		assert.equal((await clerk.postJson(`/staff/applications/${id}/correction`, { field, message: '?' })).status, 422, field);
	for (const [verb, values] of [['accept', {}], ['draft', { outcome: 'granted' }]])
		assert.ok((await clerk.postJson(`/staff/applications/${id}/${verb}`, values)).status < 400, verb);
	// 2^32 is not step 0, which would be the drafter.
	const back = await (await city.as(own.chief)).postJson(`/staff/applications/${id}/route`, { action: 'send_back', comment: '再検討', to_step: 4294967296 });
	assert.equal(back.status, 422, back.text);
	assert.equal((await clerk.json(`/staff/applications/${id}`)).json.application.state, 'approval');
});
