// Rights, roles, departments, protection: read and used on a desk and on a phone, in both languages.
import test from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { browseCity, check, fill, press, problems } from '../lib/browse.mjs';
import { office } from '../lib/dog.mjs';

const { city, open, signIn, close } = await browseCity();
test.after(close);
const admin = await city.as('admin'), own = await city.office(office);
const staff = async (login) => (await admin.json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login).id;
const main = (page) => page.locator('main').innerText();

test('why somebody may do something, and what a change would do', async () => {
	const page = await open();
	await signIn(page, own.head);
	for (const lang of ['', '/en']) {
		await page.goto(`${lang}/staff/rights`);
		await check(page);
		await fill(page, { change: 'role.auditor' });
		await press(page, 'main form button');
		assert.equal(await page.locator('#changes').count(), 1);
		await check(page);
	}
	await page.goto('/staff/rights?change=post.%E8%AA%B2%E9%95%B7');
	assert.equal((await problems(page)).length, 1, 'a post needs a department');
	await check(page);
});

test('roles, and a file of roles that is tried', async () => {
	const page = await open();
	await signIn(page, 'admin');
	const file = join(city.dir, 'roles.yaml');
	for (const lang of ['', '/en']) {
		await page.goto(`${lang}/staff/roles`);
		await check(page);
		await page.locator('a[href$="/staff/roles/try"]').click();
		await check(page);
		await press(page, 'main form button');
		assert.equal((await problems(page)).length, 1, 'no file');
		writeFileSync(file, 'roles:\n  - name: clerk\n    permissions: [application.raed]\n');
		await page.locator('input[type="file"]').setInputFiles(file);
		await press(page, 'main form button');
		assert.match(await main(page), /roles\.yaml:3: there is no permission/);
		await check(page);
		writeFileSync(file, 'roles:\n  - name: auditor\n    permissions: [application.read]\n');
		await page.locator('input[type="file"]').setInputFiles(file);
		await press(page, 'main form button');
		assert.ok(await page.locator('section h3').count() >= 1);
		await check(page);
	}
});

test('departments, people and what a colleague changed meanwhile', async () => {
	const page = await open(), late = await open({ viewport: { width: 390, height: 844 } });
	await signIn(page, 'admin');
	await signIn(late, 'admin');
	const edit = `/staff/users/${await staff(own.clerk)}/edit`;
	for (const path of ['/staff/departments', '/en/staff/departments', '/staff/users', '/staff/users/import', edit, `/en${edit}`]) {
		await page.goto(path);
		await check(page);
	}
	await page.goto(edit);
	await late.goto(edit);
	await fill(page, { name: '街田 春' });
	await press(page, 'main form button');
	await fill(late, { name: '街田 夏' });
	await press(late, 'main form button');
	assert.match((await problems(late)).join(), /ほかの人が変更しました/);
	await check(late);
	await press(late, 'main form button');
	assert.match(await main(late), /街田 夏/);
});

test('protection: made, and looked at by those named', async () => {
	await admin.postJson(`/staff/users/${await staff(own.clerk2)}/add/role`, { role: 'protection' });
	const page = await open();
	await signIn(page, own.clerk2);
	for (const lang of ['', '/en']) {
		await page.goto(`${lang}/staff/protection`);
		await check(page);
		await page.goto(`${lang}/staff/protection/new`);
		await press(page, 'main form button');
		assert.ok((await problems(page)).length > 0);
		await check(page);
		await fill(page, { ground: 'violence', opinion: '警察署' });
		await press(page, 'main form button');
		assert.match(page.url(), /\/staff\/protection\/\d+$/);
		await check(page);
	}
});
