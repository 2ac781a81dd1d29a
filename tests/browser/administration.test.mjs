// Several applications at once, and what changes around them: departments on a day, people and their posts.
import test from 'node:test';
import assert from 'node:assert/strict';
import { browseCity, check, day, fill, press, problems, today } from '../lib/browse.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const { city, open, signIn, close } = await browseCity();
test.after(close);
const people = await city.office(office);
const resident = await city.as('resident1@example.jp');
const main = (page) => page.locator('main').innerText();
const application = async (id, login = people.clerk) => (await (await city.as(login)).json(`/staff/applications/${id}`)).json.application;

test('several at once: accepted by key and mouse, given to a colleague on a phone', async () => {
	const made = [];
	for (let i = 0; i < 3; i++) made.push(await applyByJson(resident));
	const [first, second, left] = made;
	const page = await open();
	await signIn(page, people.clerk);
	await page.goto('/staff?tab=office');
	await check(page);
	const box = (id) => page.locator(`input[name="id"][value="${id}"]`);
	await box(first.id).focus();
	await page.keyboard.press('Space');
	await box(second.id).check();
	await press(page, 'button[value="accept"]');
	assert.match(await page.locator('.m-banner, [role="status"], [role="alert"]').first().innerText(), /2件/);
	assert.match(page.url(), /\/staff\?tab=office/, 'the list as it was');
	assert.deepEqual(await Promise.all([first, second, left].map(async ({ id }) => (await application(id)).state)), ['accepted', 'accepted', 'submitted']);
	// Accepted already: told, and the others are done.
	await box(first.id).check();
	await box(left.id).check();
	await press(page, 'button[value="accept"]');
	assert.equal((await application(left.id)).state, 'accepted');
	await check(page);
	// None chosen: a word instead of an error.
	await press(page, 'button[value="accept"]');
	assert.match(await main(page), /選/);

	const phone = await open({ viewport: { width: 390, height: 844 } });
	await signIn(phone, people.clerk, '/en');
	await phone.goto('/en/staff?tab=office');
	for (const { id } of [first, left]) await phone.locator(`input[name="id"][value="${id}"]`).check();
	const colleague = await phone.locator('#bulk-staff option').nth(1);
	const [name, value] = [await colleague.innerText(), await colleague.getAttribute('value')];
	await fill(phone, { staff: value });
	await press(phone, 'button[value="assign"]');
	await check(phone);
	for (const { id } of [first, left]) assert.equal((await application(id)).assignee_name, name);
	assert.notEqual((await application(second.id)).assignee_name, name);
});

test('a reorganisation: dated, shown on its day, and applications follow', async () => {
	const { id } = await applyByJson(resident);
	const page = await open();
	await signIn(page, 'admin');
	assert.match(page.url(), /\/staff\/users$/, 'where the work is');
	await page.goto('/staff/departments');
	await check(page);
	// A mistake comes back with what was typed, in the order of the page.
	await page.goto('/staff/departments/new');
	await fill(page, { name_en: 'Office for Pets', ...day('from', '2026-02-30') });
	await press(page, 'main form button');
	assert.equal((await problems(page)).length, 3);
	const order = await page.locator('.m-summary li a').evaluateAll((all) => all.map((a) => document.getElementById(decodeURIComponent(a.hash.slice(1))).getBoundingClientRect().top));
	assert.deepEqual(order, [...order].sort((a, b) => a - b), 'from top to bottom');
	assert.equal(await page.locator('[name="name_en"]').inputValue(), 'Office for Pets');
	await check(page);

	// From next month the office has another name; until then nothing changes.
	const later = new Date(Date.now() + 40 * 86400000).toISOString().slice(0, 10);
	await fill(page, { code: 'PET1', name: '動物くらし課', ...day('from', later, 'R') });
	await press(page, 'main form button');
	assert.ok(!(await main(page)).includes('動物くらし課'), 'not yet');
	await fill(page, day('on', later));
	await press(page, 'main form button');
	assert.ok((await main(page)).includes('動物くらし課'));
	await check(page);

	// The office is renamed today: its applications and people go along.
	await page.goto('/staff/departments');
	await press(page, page.locator('main table a', { hasText: office }));
	await check(page);
	await fill(page, { name: '生活衛生・動物課' });
	await press(page, 'main form button');
	assert.ok((await main(page)).includes('生活衛生・動物課'));
	assert.equal((await application(id)).department_name, '生活衛生・動物課');
	const clerk = await open();
	await signIn(clerk, people.clerk);
	await clerk.goto(`/staff/applications/${id}`);
	assert.ok((await main(clerk)).includes('生活衛生・動物課'));
});

test('a new colleague: account, post with a term, role, and the end of it', async () => {
	const page = await open();
	await signIn(page, 'admin', '/en');
	await check(page);
	await page.goto('/en/staff/users/new');
	await check(page);
	await fill(page, { login: 'shinjin', name: '新人 花', kana: 'シンジン ハナ', mail: 'shinjin@city.example' });
	await press(page, 'main form button');
	await check(page);
	const user = new URL(page.url()).pathname;
	await page.goto(`${user}/add/post`);
	await check(page);
	const department = await page.locator('[name="department"] option', { hasText: 'Environmental Health' }).or(page.locator('[name="department"] option', { hasText: office })).first().getAttribute('value');
	await fill(page, { department, rank: '係員', ...day('from', today()) });
	await press(page, 'main form button');
	await page.goto(`${user}/add/role`);
	await check(page);
	await fill(page, { role: 'records' });
	await press(page, 'main form button');
	await check(page);
	const mail = await city.mailbox.find('shinjin@city.example', /https?:\/\/\S+/);
	assert.ok(mail);
});
