// 個人番号: shown to staff by an explicit act with its purpose, and to nobody by anything else.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { City, words } from '../lib/city.mjs';
import { applyForCare, careOffice, careSteps, individualNumber, mayHandle, sure } from '../lib/care.mjs';
import { office as dogs } from '../lib/dog.mjs';

const number = individualNumber('98765432101'), grouped = number.replace(/(....)(....)(....)/, '$1 $2 $3');
let city, resident, own, clerk, id;

before(async () => {
	city = await City.start({ settings: ['--trail-mass-number', '2'] });
	resident = await city.as('resident1@example.jp');
	own = await city.office(careOffice);
	clerk = await city.as(own.clerk);
	({ id } = await applyForCare(resident, number));
});
after(() => city?.stop());
const page = () => `/staff/my-number/${id}`;
const ask = { purpose: 'decide', reason: '被保険者証との照合' };

test('neither the right nor the factor alone opens the page', async () => {
	assert.doesNotMatch((await clerk.get(`/staff/applications/${id}`)).text, /staff\/my-number/, 'no link without the right');
	assert.equal((await clerk.get(page())).status, 403);
	assert.equal((await clerk.post(page(), ask)).status, 403);
	await mayHandle(city, own.clerk);
	assert.match((await clerk.get(`/staff/applications/${id}`)).text, /staff\/my-number\/\d+"/);
	const led = await clerk.get(page(), { follow: false });
	assert.equal(led.location, `/account/assurance?identity=1&authentication=2&next=${encodeURIComponent(page())}`);
	assert.match((await clerk.post(page(), ask, { follow: false })).location, /^\/account\/assurance\?/);
	const refused = await clerk.postJson(page(), ask);
	assert.deepEqual([refused.status, refused.json.code], [403, 'identity.assurance.needed']);
	assert.equal((await resident.get(page())).status, 403);
	// Two factors without the right.
	assert.equal((await (await sure(city, own.clerk2)).get(page())).status, 403);
	// The right in one department is none in another.
	const other = await city.office(dogs);
	await mayHandle(city, other.clerk, dogs);
	assert.equal((await (await sure(city, other.clerk)).get(page())).status, 404);
});

test('it is shown once, for a purpose and with a reason', async () => {
	await sure(city, own.clerk);
	const form = await clerk.get(page());
	assert.equal(form.status, 200);
	assert.match(words(form.text), /根拠 介護保険法.*番号法第9条/);
	assert.ok(!form.text.includes(number));
	const wrong = await clerk.submit(form, page(), { reason: ' ' });
	assert.equal(wrong.status, 422);
	assert.match(wrong.text, /href="#purpose"/);
	assert.match(wrong.text, /href="#reason"/);
	assert.ok(!wrong.text.includes(number));
	const sold = await clerk.submit(form, page(), { purpose: 'sell', reason: 'x' });
	assert.equal(sold.status, 422, 'no purpose of its own');
	assert.equal((await clerk.post(page(), { ...ask, csrf: null })).status, 403);
	const shown = await clerk.submit(form, page(), ask);
	assert.equal(shown.status, 200);
	assert.equal(shown.url, page(), 'no address holds it');
	assert.match(words(shown.text), new RegExp(`${grouped}.*使う目的 この申請の審査と決定.*理由 被保険者証との照合`));
	assert.match(shown.headers.get('cache-control'), /no-store/);
	assert.equal(shown.headers.get('etag'), null);
	for (const path of [page(), `/staff/applications/${id}`, '/staff', '/staff?scope=all']) {
		const { text } = await clerk.get(path);
		assert.ok(!text.includes(number) && !text.includes(grouped), path);
	}
	const json = await clerk.postJson(page(), ask);
	assert.deepEqual([json.status, json.json.my_number], [200, number]);
	const again = await clerk.json(page());
	assert.ok(!again.text.includes(number));
	assert.deepEqual(again.json.numbers, [{ name: 'insured.my_number', label: '個人番号（マイナンバー）' }]);
	assert.ok(!(await clerk.json(`/staff/applications/${id}`)).text.includes(number));
});

test('the applicant reads who saw it and what for, and never gets it back', async () => {
	const { readings } = (await resident.json('/my/readings')).json, shown = readings.filter((r) => r.kind === 'my-number');
	assert.equal(shown.length, 2);
	assert.deepEqual([shown[0].what, shown[0].fields, shown[0].reason], ['個人番号を表示した', '個人番号', ask.reason]);
	assert.match(shown[0].purpose, /要介護.*：この申請の審査と決定/);
	assert.match(words((await resident.get('/en/my/readings')).text), /Was shown the individual number.*Examining and deciding this application/);
	for (const path of [`/applications/${id}`, '/my', '/my/readings']) for (const answer of [await resident.get(path), await resident.json(path)])
		assert.ok(!answer.text.includes(number) && !answer.text.includes(grouped), path);
	// The officer finds it by its kind, with the field.
	const officer = await city.as('security');
	const found = (await officer.json('/staff/trail?kind=my-number')).json.readings;
	assert.deepEqual([found.length, found[0].verb, found[0].detail], [2, 'my-number.decide', 'insured.my_number']);
});

test('many numbers shown by one person raise an alert', async () => {
	assert.equal((await clerk.postJson(page(), ask)).status, 200);
	const officer = await city.as('security');
	await officer.submit(await officer.get('/staff/trail/alerts'), '/staff/trail/alerts');
	const alert = (await officer.json('/staff/trail/alerts')).json.alerts.find((a) => a.rule === 'mass-number');
	assert.equal(alert?.count, 3);
	assert.match((await officer.get('/staff/trail/alerts')).text, /個人番号の大量の表示/);
});

test('a grant waits for the check of number and person; it is shown with the case', async () => {
	const { id: fresh } = await applyForCare(resident, individualNumber('12312312312')), path = `/staff/my-number/${fresh}`;
	assert.ok((await clerk.postJson(`/staff/applications/${fresh}/accept`, {})).status < 400);
	const grant = { outcome: 'granted', 'findings.level': 'c1', 'findings.valid_from': '2026-11-01', 'findings.valid_to': '2027-10-31', 'findings.board': '2026-11-15' };
	const early = await clerk.postJson(`/staff/applications/${fresh}/draft`, grant);
	assert.equal(early.status, 422);
	assert.match(early.text, /番号確認と身元確認を記録してください/);
	const form = await clerk.get(path), wrong = await clerk.submit(form, '/check', { number_by: 'card' });
	assert.equal(wrong.status, 422);
	assert.match(wrong.text, /href="#person_by"/);
	const done = await clerk.submit(form, '/check', { number_by: 'card', person_by: 'card', note: '窓口で確認' });
	assert.match(words(done.text), /個人番号カード \/ 個人番号カード 窓口で確認/);
	assert.match(words((await clerk.get(path)).text), /番号確認と身元確認 .*窓口で確認/);
	// Another number has to be checked anew; the same one has not.
	const correct = async (value) => {
		assert.ok((await clerk.postJson(`/staff/applications/${fresh}/correction`, { field: 'insured.my_number', message: '番号をもう一度' })).status < 400);
		assert.equal((await resident.submit(await resident.get(`/applications/${fresh}/correct`), '/correct', { 'insured.my_number': value })).status, 200);
	};
	await correct(individualNumber('12312312312'));
	assert.match(words((await clerk.get(path)).text), /窓口で確認/);
	await correct(individualNumber('32132132132'));
	assert.match((await clerk.postJson(`/staff/applications/${fresh}/draft`, grant)).text, /番号確認と身元確認を記録してください/);
	await clerk.submit(await clerk.get(path), '/check', { number_by: 'record', person_by: 'card' });
	const later = await clerk.postJson(`/staff/applications/${fresh}/draft`, grant);
	assert.ok(later.status < 400, later.text);
	assert.ok((await resident.json('/my/readings')).json.readings.some((r) => r.what === '個人番号と身元を確認しました'));
	assert.match(city.cli('verify'), /^problems: 0$/m);
});

test('nobody gets it by emergency access, an API token, or of a protected person', async () => {
	const other = await city.office(dogs), outsider = await city.as(other.clerk); // has right and factor elsewhere
	const { number: receipt } = (await clerk.json(`/staff/applications/${id}`)).json.application;
	assert.ok((await outsider.postJson('/staff/emergency', { number: receipt, reason: '火災' })).status < 400);
	assert.equal((await outsider.get(`/staff/applications/${id}`)).status, 200);
	assert.equal((await outsider.get(page())).status, 403);
	const tokens = await clerk.post('/account/tokens', [['name', 'robot'], ['scope', 'write'], ['days', '7'], ['password', 'machi-demo-2026'], ['rights', 'application.read']]);
	const bearer = { authorization: `Bearer ${tokens.text.match(/machi_[\w-]{43}/)[0]}`, accept: 'application/json' };
	assert.equal((await city.client().request('GET', page(), { headers: bearer })).status, 403);
	// Protected, and the clerk is not named.
	const chief = await city.as(own.chief), admin = await city.as('admin');
	await admin.postJson(`/staff/users/${(await admin.json(`/staff/users?q=${own.chief}`)).json.users[0].id}/add/role`, { role: 'protection' });
	const block = (await chief.postJson('/staff/protection/new', { ground: 'violence', opinion: '警察署' })).location;
	await chief.postJson(`${block}/applications`, { application: id, state: 'confirmed' });
	assert.equal((await clerk.get(page())).status, 404);
	assert.equal((await clerk.postJson(page(), ask)).status, 404);
	assert.ok((await clerk.postJson('/staff/emergency', { number: receipt, reason: '火災' })).status < 400);
	assert.equal((await clerk.get(`/staff/applications/${id}`)).status, 200);
	assert.equal((await clerk.postJson(page(), ask)).status, 403, 'opened in an emergency it is only read');
});

test('staff need their second factor to type a number at the counter', async () => {
	const chief2 = await city.as(own.chief2);
	const led = await chief2.post('/staff/counter/long-term-care', { applicant_kind: 'resident' }, { follow: false });
	assert.match(led.location, /^\/account\/assurance\?identity=1&authentication=2&next=%2Fstaff%2Fcounter$/);
	const begun = await clerk.post('/staff/counter/long-term-care', { applicant_kind: 'resident' }, { follow: false });
	assert.match(begun.location, /steps\/1$/);
	const steps = begun.location;
	assert.equal((await clerk.get(steps)).status, 200);
	// The session steps down while the form is open.
	city.sql('UPDATE web_session SET level_until_us = 1');
	for (const done of [await clerk.get(steps, { follow: false }), await clerk.post(steps, { 'insured.my_number': number }, { follow: false })])
		assert.equal(done.location, `/account/assurance?identity=1&authentication=2&next=${encodeURIComponent(steps)}`);
	assert.equal((await clerk.postJson(steps, careSteps(number)[0])).json.code, 'identity.assurance.needed');
	assert.equal((await clerk.postJson(steps.replace('steps/1', 'submit'), {})).json.code, 'identity.assurance.needed');
	// Other forms ask for no factor, and residents type their own number with one.
	const keeper = await city.as((await city.office(dogs)).clerk);
	assert.match((await keeper.post('/staff/counter/dog-registration', { applicant_kind: 'resident' }, { follow: false })).location, /steps\/1$/);
});
