// A city's own roles, why somebody may do something, and what a change would do.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, until } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());
const admin = await city.as('admin'), own = await city.office(office), other = await city.office('道路管理課');
const staff = async (login) => (await admin.json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login).id;
const folder = join(city.dir, 'demo');

const roles = (text) => {
	mkdirSync(join(folder, 'custom'), { recursive: true });
	writeFileSync(join(folder, 'custom/roles.yaml'), text);
};
const check = () => {
	try { return city.cli('check', '--city', 'demo'); } catch (e) { return e.stdout; }
};
const reload = async (role) => {
	city.process.kill('SIGHUP');
	await until(async () => (await admin.json('/staff/roles')).json.roles.some((r) => r.role === role), `the role ${role}`);
};
const permissions = (page) => page.json.rights.map((r) => r.permission);

test('machi check names file, line and remedy of a mistake in the roles', () => {
	roles('roles:\n  - name: dogs\n    title: {ja: 犬の担当, en: Dogs}\n    permissions: [application.raed]\n    fields: [secret]\nposts:\n  - {rank: 主任, role: dog}\nrolls: []\n');
	const said = check();
	for (const line of [/roles\.yaml:4: there is no permission "application\.raed"; did you mean application\.read/, /roles\.yaml:5: "secret" is no class of fields/,
		/roles\.yaml:7: rank is one of/, /roles\.yaml:7: there is no role "dog"/, /roles\.yaml:8: "rolls" is not known here; did you mean roles/])
		assert.match(said, line);
	roles('roles:\n  - permissions: [application.read]\n');
	assert.match(check(), /roles\.yaml:2: a role needs a name|roles\.yaml:1: a role needs a name/);
	roles('roles:\n  - name: [dogs\n');
	assert.match(check(), /roles\.yaml:\d+: /);
});

test('a role of the city is for some kinds of record: page, lists, search, counts and export keep to it', async () => {
	roles('roles:\n  - name: dogs\n    title: {ja: 犬の担当, en: Dogs}\n    permissions: [application.read, application.check, application.export]\n    procedures: [dog-registration]\n' +
		'  - name: parks\n    title: {ja: 公園の担当, en: Parks}\n    permissions: [application.read, application.export]\n    procedures: [no-such-procedure]\n');
	assert.match(check(), /^0 problems/m);
	await reload('parks');
	const { id, receipt: number } = await applyByJson(await city.as('resident1@example.jp'));
	const someone = other.clerk, client = await city.as(someone), their = await staff(someone);
	const listed = async (path) => (await client.json(path)).json.rows.some((r) => r.id === id);
	const seen = async () => [(await client.json(`/staff/applications/${id}`)).status !== 404, await listed('/staff?scope=all&limit=200'), await listed(`/staff?q=${number}`),
		(await client.get('/staff/export.csv')).text.includes(number)];
	const count = async () => (await client.json('/staff?scope=all')).json.scopes.filter((s) => s.href.includes('scope=all')).reduce((most, s) => Math.max(most, s.count), 0);
	assert.deepEqual(await seen(), [false, false, false, false]);
	const before = await count();

	await admin.postJson(`/staff/users/${their}/add/role`, { role: 'parks' });
	assert.deepEqual(await seen(), [false, false, false, false], 'the wrong kind of record');
	assert.equal(await count(), before, 'nor is it counted');
	await admin.postJson(`/staff/users/${their}/add/role`, { role: 'dogs' });
	assert.deepEqual(await seen(), [true, true, true, true], 'now it may');
	assert.ok(await count() > before);
	const why = (await client.json('/staff/rights')).json.rights.find((r) => r.permission === 'application.export').reasons;
	assert.ok(why.some((r) => r.role === 'dogs' && r.procedures === 'dog-registration'));
	assert.match((await client.get('/staff/rights')).text, /犬の担当/);

	// Taken away while a page is open: it counts at once, also for what is sent then.
	const dogs = (await admin.json(`/staff/users/${their}`)).json.roles.find((r) => r.role === 'dogs');
	await admin.postJson(`/staff/users/${their}/end`, { kind: 'role', row: String(dogs.id) });
	assert.deepEqual(await seen(), [false, false, false, false]);
	assert.equal((await client.postJson(`/staff/applications/${id}/accept`, {})).status, 404);
});

test('everybody sees what they may and why; others only who manages staff', async () => {
	const head = await city.as(own.head), page = await head.json('/staff/rights');
	assert.ok(permissions(page).includes('application.decide') && !permissions(page).includes('identity.manage'));
	const reason = page.json.rights.find((r) => r.permission === 'application.decide').reasons[0];
	assert.deepEqual([reason.source, reason.role, reason.rank, reason.department, reason.reaches], ['post', 'manager', '課長', office, true]);
	assert.match(reason.text, /「課長」という職により、役割「課の決裁」があるため/);
	assert.match((await head.get('/en/staff/rights')).text, /because the post .+ brings the role/);
	assert.equal((await head.json(`/staff/rights/${await staff('admin')}`)).status, 404);
	assert.deepEqual(permissions(await admin.json(`/staff/rights/${await staff(own.head)}`)), permissions(page));
	assert.equal((await admin.json('/staff/rights/999999')).status, 404);
});

test('a change is tried without being made', async () => {
	const clerk = await staff(own.clerk2), path = `/staff/rights/${clerk}`;
	const department = (await admin.json('/staff/departments')).json.departments.find((d) => d.name === office).id;
	const more = (await admin.json(`${path}?change=post.課長&department=${department}`)).json.changes;
	assert.ok(more.gained.some((r) => r.permission === 'application.export') && more.lost.length === 0);
	const less = (await admin.json(`${path}?change=end.0`)).json.changes;
	assert.ok(less.lost.some((r) => r.permission === 'application.check') && less.gained.length === 0);
	assert.equal((await admin.json(`${path}?change=post.課長`)).status, 422, 'a post needs a department');
	assert.deepEqual(permissions(await admin.json(path)), permissions(await (await city.as(own.clerk2)).json('/staff/rights')));
});

test('who lacks the class of a field sees a mask: page, JSON, PDF, CSV and XLSX', async () => {
	roles('roles:\n  - name: desk\n    title: {ja: 受付, en: Desk}\n    permissions: [application.read, application.export]\n    procedures: [dog-registration]\n    fields: [basic]\n');
	await reload('desk');
	const { id } = await applyByJson(await city.as('resident1@example.jp'), { owner: { 'owner.address.street': '77-88', 'owner.phone': '087-800-7788' } });
	const street = '77-88';
	const login = other.clerk2, client = await city.as(login);
	await admin.postJson(`/staff/users/${await staff(login)}/add/role`, { role: 'desk' });
	const path = `/staff/applications/${id}`;
	await (await city.as(own.clerk)).postJson(`${path}/accept`, {});
	const csv = async (who) => (await who.get('/staff/export.csv?procedure=dog-registration')).text;
	assert.ok((await csv(await city.as(own.head))).includes(street), 'who has the class sees it');
	const masked = await csv(client);
	assert.ok(masked.includes('●●●') && !masked.includes(street) && !masked.includes('087-800-7788'));
	assert.ok((await (await city.as(own.clerk)).get(path)).text.includes(street));
	const page = await client.request('GET', path, { headers: { accept: 'application/json' } });
	assert.ok(!page.text.includes(street) && !page.text.includes('087-800-7788'));
});

test('a role is granted with a reason and an end, the head is told, and the list says what ends soon', async () => {
	await city.giveMail(own.head, 'head@city.example');
	const clerk = await staff(own.clerk), day = new Date(Date.now() + 10 * 86400e3).toISOString().slice(0, 10);
	await admin.postJson(`/staff/users/${clerk}/add/role`, { role: 'accounting', until: day, reason: '繁忙期の応援' });
	const grant = (await admin.json('/staff/roles')).json.grants.find((g) => g.staff === clerk);
	assert.deepEqual([grant.role, grant.reason, grant.until, grant.soon, grant.endless], ['accounting', '繁忙期の応援', day, true, false]);
	assert.ok((await admin.json('/staff/roles')).json.grants.some((g) => g.endless && !g.soon));
	const operator = await city.as('operator');
	assert.ok((await operator.json('/staff/outbox')).json.notices.some((n) => n.to === 'head@city.example' && n.kind === 'identity/role-granted'));
	assert.match(city.cli('verify', '--city', 'demo'), /problems: 0/);
});
