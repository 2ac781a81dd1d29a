// Rights and people change while others work: what is taken away is gone at once, on every server of the store, in
// sessions, tokens and what waits; and of two officers who change the same thing one is told.
import test from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, Client, forms, storeKind } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const city = await City.start({ settings: ['--export-people', '2'] });
// PostgreSQL lets several servers share a store; on SQLite the one server is both.
const second = storeKind === 'postgres' ? Object.assign(new City(), { dir: city.dir, env: city.env, storeUrl: city.storeUrl, settings: city.settings }) : city;
if (second !== city) await second.serve();
test.after(async () => {
	if (second !== city) await second.kill();
	await city.stop();
});
const there = (client) => Object.assign(new Client(second.url), { cookies: client.cookies });
const admin = await city.as('admin'), own = await city.office(office), other = await city.office('道路管理課');
const staff = async (login) => (await admin.json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login).id;
const department = (await admin.json('/staff/departments')).json.departments.find((d) => d.name === office).id;
const ids = Object.fromEntries(await Promise.all([other.clerk, other.clerk2, own.clerk, own.head].map(async (login) => [login, await staff(login)])));
const grant = async (login, role, where) => {
	const done = await admin.postJson(`/staff/users/${ids[login]}/add/role`, { role, ...where && { department: String(where) } });
	assert.ok(done.status < 400, done.text);
	return (await admin.json(`/staff/users/${ids[login]}`)).json.roles.find((r) => r.role === role && r.now).id;
};
const end = (login, row, client = admin) => client.postJson(`/staff/users/${ids[login]}/end`, { kind: 'role', row: String(row) });
const resident = await city.as('resident1@example.jp');
const { id } = await applyByJson(resident);
await applyByJson(resident);
await applyByJson(resident);
const path = `/staff/applications/${id}`;
const clerks = (await admin.json('/staff/roles')).json.roles.find((r) => r.role === 'clerk').permissions.map((p) => p.permission);
// A second officer.
await grant(own.head, 'identity_admin');
const officer = there(await city.as(own.head));

test('a right that is taken away is gone at once in sessions, tokens and open pages, on every server', async () => {
	const here = await city.as(other.clerk), too = there(here);
	const row = await grant(other.clerk, 'clerk', department);
	const made = await here.post('/account/tokens', [['name', 'robot'], ['scope', 'write'], ['days', '7'], ['password', 'machi-demo-2026'],
		['rights', 'application.read'], ['rights', 'application.check']]);
	const bearer = { authorization: `Bearer ${made.text.match(/machi_[\w-]{43}/)[0]}` };
	const robot = second.client();
	const seen = async () => (await Promise.all([here.json(path), too.json(path), robot.json(path, { headers: bearer })])).map((a) => a.status);
	assert.deepEqual(await seen(), [200, 200, 200]);
	const open = await too.get(path);
	assert.ok(forms(open.text).some((f) => f.action.includes('/note')));
	assert.ok((await end(other.clerk, row)).status < 400);
	assert.deepEqual(await seen(), [404, 404, 404]);
	assert.equal((await too.submit(open, '/note', { text: '覚え' })).status, 404, 'the page that was open');
	assert.equal((await robot.postJson(`${path}/note`, { text: '覚え' }, { headers: bearer })).status, 404);
});

test('an export that was approved is not fetched by who lost the right since', async () => {
	const here = await city.as(other.clerk2), division = await city.as(own.division);
	const row = await grant(other.clerk2, 'records', department);
	const query = 'procedure=dog-registration&scope=all';
	const asked = await here.submit(await here.get(`/staff/export.csv?${query}`), '/staff/exports/new', { purpose: '統計' });
	const number = Number(/exports\/(\d+)/.exec(asked.url)[1]);
	assert.equal((await division.postJson(`/staff/exports/${number}/approve`, { comment: '了承' })).status, 200);
	const { file } = (await here.json(`/staff/exports/${number}`)).json.export;
	assert.ok((await end(other.clerk2, row)).status < 400);
	for (const client of [here, there(here)]) assert.equal((await client.get(file)).status, 403);
	const again = await grant(other.clerk2, 'records', department);
	assert.equal((await there(here).get(file)).status, 200, 'with the right it would have gone');
	await end(other.clerk2, again);
});

test('two officers change one person: the second is told, and nothing is lost', async () => {
	const form = `/staff/users/${ids[own.clerk]}/edit`;
	const [first, late] = [await admin.get(form), await officer.get(form)];
	assert.equal((await admin.submit(first, '/edit', { name: '街田 春' })).status, 200);
	const told = await officer.submit(late, '/edit', { mail: 'other@city.example' });
	assert.equal(told.status, 422);
	assert.match(told.text, /ほかの人が変更しました/);
	const now = () => admin.json(`/staff/users/${ids[own.clerk]}`).then((a) => a.json.user_record);
	assert.deepEqual([(await now()).name, (await now()).mail], ['街田 春', undefined]);
	assert.equal((await officer.submit(told, '/edit', { name: '街田 春', mail: 'other@city.example' })).status, 200, 'who was told may go on');
	assert.deepEqual([(await now()).name, (await now()).mail], ['街田 春', 'other@city.example']);

	// At the same moment: exactly one.
	for (let round = 0; round < 3; round++) {
		const pages = [await admin.get(form), await officer.get(form)];
		const sent = await Promise.all([admin, officer].map((client, i) => client.submit(pages[i], '/edit', { name: `街田 ${round}${i}` }, { follow: false })));
		assert.deepEqual(sent.map((a) => a.status).sort(), [303, 422]);
		assert.equal((await now()).name, `街田 ${round}${sent.findIndex((a) => a.status === 303)}`);
	}
});

test('two officers give and take roles of one person at the same moment: all is kept, what ended ends once', async () => {
	const add = (client, role) => client.postJson(`/staff/users/${ids[own.clerk]}/add/role`, { role });
	const given = await Promise.all([add(admin, 'accounting'), add(officer, 'auditor'), add(admin, 'security'), add(officer, 'operator')]);
	assert.ok(given.every((a) => a.status < 400), given.map((a) => a.status).join());
	const roles = (await admin.json(`/staff/users/${ids[own.clerk]}`)).json.roles.filter((r) => r.now);
	assert.deepEqual(roles.map((r) => r.role).sort(), ['accounting', 'auditor', 'operator', 'security']);
	for (const role of roles) {
		const ended = await Promise.all([end(own.clerk, role.id), end(own.clerk, role.id, officer)]);
		assert.deepEqual(ended.map((a) => a.status < 400).sort(), [false, true]);
		const lost = ended.find((a) => a.status >= 400);
		assert.deepEqual([lost.status, lost.json.code], [409, 'identity.user.ended_already']);
	}
});

test('two officers change one department: the second is told', async () => {
	const form = `/staff/departments/${department}`;
	const [first, late] = [await admin.get(form), await officer.get(form)];
	assert.equal((await admin.submit(first, form, { name_en: 'Hygiene' })).status, 200);
	const told = await officer.submit(late, form, { name_en: 'Health' });
	assert.equal(told.status, 422);
	assert.match(told.text, /ほかの人が変更しました/);
	assert.equal((await admin.json('/staff/departments')).json.departments.find((d) => d.id === department).name_en, 'Hygiene');
});

const file = (text) => Object.assign(new Blob([text]), { name: 'roles.yaml' });
const less = `roles:
  - name: clerk
    permissions: [${clerks}, application.export]
    fields: [basic]
posts:
  - {rank: 係長, role: clerk}
`;

test('a file of roles is tried before it is used: who gains what, who loses what, and nothing changes', async () => {
	const mine = async () => (await (await city.as(own.clerk2)).json('/staff/rights')).json.rights;
	const before = await mine();
	const page = await admin.post('/staff/roles/try', { file: file(less) }, { headers: { accept: 'application/json' } });
	assert.equal(page.status, 200, page.text);
	const of = async (login) => page.json.people.find((p) => p.id === ids[login]) ?? page.json.people.find((p) => p.name === login);
	const clerk = await of(own.clerk);
	assert.deepEqual([clerk.gained.map((r) => r.permission), clerk.lost], [['application.export'], []]);
	assert.equal(clerk.hidden.length, 2, 'personal and sensitive fields');
	const chief = page.json.people.find((p) => p.lost.some((r) => r.permission === 'application.decide'));
	assert.ok(chief.gained.some((r) => r.permission === 'application.export'));
	assert.ok(!page.json.people.some((p) => p.id === ids[own.head] && p.lost.length), 'who has another role');
	assert.match((await admin.post('/staff/roles/try', { file: file(less) })).text, /見られなくなる項目/);
	assert.match((await admin.post('/en/staff/roles/try', { file: file(less) })).text, /Fields that would be hidden/);
	assert.deepEqual(await mine(), before);

	const wrong = await admin.post('/staff/roles/try', { file: file('roles:\n  - name: clerk\n    permissions: [application.raed]\n') });
	assert.equal(wrong.status, 422);
	assert.match(wrong.text, /roles\.yaml:3: there is no permission &quot;application\.raed&quot;; did you mean application\.read/);
	assert.equal((await admin.post('/staff/roles/try', {})).status, 422);
	const same = await admin.post('/staff/roles/try', { file: file('roles: []\n') }, { headers: { accept: 'application/json' } });
	assert.deepEqual([same.json.people, same.json.count], [[], 0]);

	const name = join(city.dir, 'less.yaml');
	writeFileSync(name, less);
	const said = city.cli('check', '--city', 'demo', '--roles', name);
	assert.match(said, new RegExp(`^\\+ ${own.clerk}: application\\.export, ${office} \\(clerk\\)$`, 'm'));
	assert.match(said, new RegExp(`^- ${own.chief}: application\\.decide, .+ \\(chief\\)$`, 'm'));
	assert.match(said, new RegExp(`^- ${own.clerk}: fields personal$`, 'm'));
	assert.match(said, /^0 problems$/m);
});

test('the journal proves the store afterwards', () => assert.match(city.cli('verify', '--city', 'demo'), /problems: 0/));
