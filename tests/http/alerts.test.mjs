// What the rules find and residents ask, from open to closed.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const city = await City.start({ mail: true, settings: ['--trail-mass-reading', '2', '--trail-mass-change', '1', '--trail-hours', '0-0'] });
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp'), officer = await city.as('security'), admin = await city.as('admin');
const own = await city.office(office), clerk = await city.as(own.clerk);
const alerts = async (state = 'open') => (await officer.json(`/staff/trail/alerts?state=${state}`)).json.alerts;
const check = async () => assert.equal((await officer.submit(await officer.get('/staff/trail/alerts'), '/staff/trail/alerts')).status, 200);
const { name } = (await admin.json(`/staff/users?q=${own.clerk}`)).json.users.find((u) => u.login === own.clerk);
await city.giveMail('security', 'security@example.jp');

const ids = [];
for (let i = 0; i < 3; i++) ids.push((await applyByJson(resident)).id);

test('mass reading, mass change and reading outside working hours are found once', async () => {
	for (const id of ids) await clerk.get(`/staff/applications/${id}`);
	for (const id of ids.slice(0, 2)) assert.ok((await clerk.postJson(`/staff/applications/${id}/accept`, {})).status < 400);
	await check();
	const found = await alerts(), one = (rule) => found.find((a) => a.rule === rule && a.staff_name === name && a.day === found[0].day);
	assert.deepEqual([one('mass-reading')?.count, one('mass-change')?.count], [3, 2], JSON.stringify(found.map((a) => [a.rule, a.staff_name])));
	assert.ok(one('off-hours'));
	await check();
	const keys = (await alerts()).map((a) => `${a.rule} ${a.staff_name} ${a.person_name} ${a.day}`);
	assert.equal(new Set(keys).size, keys.length, 'one for a rule, a person and a day');
	const mail = await city.mailbox.find('security@example.jp', /trail\/alerts/);
	assert.ok(!mail.input.includes(name), 'the mail names nobody');
});

test('who bears the same name, is a colleague or of the same family is found', async () => {
	// A member of staff who is called like the resident, and one of the same family.
	const person = (await resident.json('/account/profile')).json.form.fields.find((f) => f.name === 'name').parts;
	const family = person.family.value, given = person.given.value;
	for (const [login, name] of [['same', `${family} ${given}`], ['cousin', `${family} 一`]]) {
		await admin.postJson('/staff/users/new', { login, name });
		const { id } = (await admin.json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login);
		const department = (await admin.json('/staff/departments')).json.departments.find((d) => d.name === office).id;
		assert.ok((await admin.postJson(`/staff/users/${id}/add/post`, { department: String(department), rank: '係員', acting: 'no' })).status < 400);
		city.cli('user', 'password', login, '--generate');
	}
	await check();
	assert.ok((await alerts()).some((a) => a.rule === 'colleague' && a.person_name === `${family} ${given}`), JSON.stringify((await alerts()).map((a) => [a.rule, a.person_name])));
});

test('an alert is taken, noted on, closed with a finding and its reason, and opened again', async () => {
	const [{ id }] = (await alerts()).filter((a) => a.rule === 'mass-change');
	const path = `/staff/trail/alerts/${id}`;
	let page = await officer.get(path);
	assert.match(page.text, /大量の変更/);
	page = await officer.submit(page, '/take');
	assert.match(page.text, /確認中/);
	page = await officer.submit(page, '/note', { text: '課長に確認する' });
	const wrong = await officer.submit(page, '/close', { text: '' });
	assert.equal(wrong.status, 422);
	assert.match(wrong.text, /href="#close-finding"/);
	assert.match(wrong.text, /href="#close-text"/);
	page = await officer.submit(wrong, '/close', { finding: 'justified', text: '年度末の処理' });
	assert.equal(page.status, 200);
	assert.equal((await officer.json(path)).json.alert.finding, 'justified');
	assert.ok((await alerts('closed')).some((a) => a.id === id));
	assert.equal((await officer.postJson(`${path}/note`, { text: 'x' })).status, 409);
	page = await officer.submit(page, '/reopen', { text: '別の報告があった' });
	assert.deepEqual((await officer.json(path)).json.steps.events.map((s) => s.what), ['raised', 'taken', 'noted', 'closed', 'reopened']);
	assert.equal((await officer.get('/staff/trail/alerts/999999')).status, 404);
	assert.equal((await officer.postJson(`${path}/burn`, { text: 'x' })).status, 404);
});

test('an alert is given to another officer with a day, never to whom it is about, and stands in their list', async () => {
	// A second officer; they open cases of another office, so that an alert is about them.
	await admin.postJson('/staff/users/new', { login: 'security2', name: '鍵野 守' });
	const { id: second } = (await admin.json('/staff/users?q=security2')).json.users.find((u) => u.login === 'security2');
	const department = (await admin.json('/staff/departments')).json.departments.find((d) => d.name === office).id;
	assert.ok((await admin.postJson(`/staff/users/${second}/add/post`, { department: String(department), rank: '係員', acting: 'no' })).status < 400);
	assert.ok((await admin.postJson(`/staff/users/${second}/add/role`, { role: 'security', department: '' })).status < 400);
	await city.giveMail('security2', 'security2@example.jp');
	const said = city.cli('user', 'password', 'security2', '--generate');
	const other = await city.client().login('security2', /password: (\S+)/.exec(said)[1]);
	for (const client of [other, clerk]) for (const id of ids) await client.get(`/staff/applications/${id}`);
	await check();
	const [about] = (await alerts()).filter((a) => a.rule === 'mass-reading' && a.staff_name === '鍵野 守'), [alert] = (await alerts()).filter((a) => a.rule === 'off-hours' && a.staff_name === name);
	const path = `/staff/trail/alerts/${alert.id}`, page = await officer.get(path);

	assert.equal((await officer.postJson(`${path}/assign`, { to: '' })).status, 422);
	assert.equal((await officer.postJson(`${path}/assign`, { to: '999999' })).status, 422);
	const wrong = await officer.submit(page, '/assign', { to: String(second), 'due.year': '2026', 'due.month': '13', 'due.day': '1', 'due.era': '' });
	assert.equal(wrong.status, 422);
	assert.match(wrong.text, /href="#assign-due/);
	await officer.submit(page, '/assign', { to: String(second), due: '2020-01-31' });
	const { alert: given } = (await officer.json(path)).json;
	assert.deepEqual([given.state, given.assigned_name, given.due, given.overdue], ['looking', '鍵野 守', '2020-01-31', true]);
	const mail = await city.mailbox.find('security2@example.jp', new RegExp(path));
	assert.ok(!mail.input.includes(alert.staff_name), 'the mail names nobody');
	assert.deepEqual((await other.json('/staff/trail/alerts?state=mine')).json.alerts.map((a) => a.id), [alert.id]);
	assert.ok(!(await alerts('mine')).some((a) => a.id === alert.id), 'it is not mine');
	assert.match((await other.get('/en/staff/trail/alerts?state=mine')).text, /overdue/);

	// What is about an officer is another's: they are not offered, not taken, and do nothing about it themselves.
	const own = `/staff/trail/alerts/${about.id}`;
	assert.ok(!(await officer.get(own)).text.includes(`<option value="${second}"`));
	assert.equal((await officer.postJson(`${own}/assign`, { to: String(second) })).status, 403);
	for (const [verb, body] of [['take', {}], ['assign', { to: String(second) }], ['note', { text: 'x' }], ['close', { finding: 'justified', text: 'x' }]])
		assert.equal((await other.postJson(`${own}/${verb}`, body)).status, 403, verb);
	assert.equal((await officer.json(own)).json.alert.state, 'open');
});

test('a resident asks; an officer answers; only they see it', async () => {
	let page = await resident.submit(await resident.get('/my/readings/ask'), '/ask', { text: '' });
	assert.equal(page.status, 422);
	page = await resident.submit(page, '/ask', { text: 'なぜ見たのですか <b>' });
	assert.equal(page.status, 200);
	assert.match(page.text, /なぜ見たのですか &lt;b&gt;/);
	const question = (await alerts()).find((a) => a.rule === 'question');
	const path = `/staff/trail/alerts/${question.id}`;
	assert.equal((await officer.postJson(`${path}/assign`, { to: '' })).status, 422, 'nobody is not whom it is about');
	await officer.submit(await officer.get(path), '/note', { text: '内部のメモ' });
	await officer.submit(await officer.get(path), '/answer', { text: '申請の審査のためです。' });
	await officer.submit(await officer.get(path), '/close', { finding: 'answered', text: '回答した' });
	const { questions } = (await resident.json('/my/readings')).json;
	assert.equal(questions[0].answers[0].text, '申請の審査のためです。');
	assert.ok(!JSON.stringify(questions).includes('内部のメモ') && !JSON.stringify(questions).includes('安全'));
	assert.deepEqual((await (await city.as('resident2@example.jp')).json('/my/readings')).json.questions, []);
	await city.mailbox.find('resident1@example.jp', /my\/readings/);
	assert.ok((await resident.json('/my/readings')).json.readings.length > 0);
});

test('what was looked into is proven by the journal', async () => {
	assert.equal(await city.kill(), 0);
	assert.match(city.cli('verify'), /problems: 0/);
	await city.serve();
});
