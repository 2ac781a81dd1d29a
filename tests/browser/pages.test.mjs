// Every page of both sides, met on the way of an application: axe and width, at a desktop and a phone.
import test from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../lib/city.mjs';
import { browseCity, check, day, fill, today } from '../lib/browse.mjs';
import { applyByJson, dog, idOf, office, owner } from '../lib/dog.mjs';

const { city, open, signIn, close } = await browseCity();
test.after(close);
const people = await city.office(office);
const next = (page) => page.locator('form[action*="/steps/"] button[name="next"]:not([aria-hidden])').click({ timeout: 4000 });

async function apply(page, base = '', looked = async () => {}) {
	await page.goto(`${base}/procedures/dog-registration`);
	await looked(page);
	await page.locator('form[action$="/apply"] button').first().click();
	for (const values of [owner, dog, { 'place.same': 'yes', 'place.statement': 'yes' }, {}]) {
		await fill(page, values);
		await looked(page);
		await next(page);
	}
	await page.waitForURL(/\/confirm$/);
	await looked(page);
	await page.locator('form[action$="/submit"] button').click();
	await page.waitForURL(/submitted=1/);
	await looked(page);
	return idOf(page.url());
}

test('pages for everybody', async () => {
	const page = await open();
	for (const base of ['', '/en'])
		for (const path of ['/', '/procedures', '/procedures/dog-registration', '/procedures/dog-registration/paper', '/register', '/login', '/verify', '/journal', '/nowhere', '/procedures?q=xyzzy', '/verify?code=0000', '/applications/1/submit']) {
			await page.goto(base + path);
			await check(page);
		}
});

test('a resident applies, in Japanese', async () => {
	const page = await open();
	await signIn(page, 'resident1@example.jp');
	const id = await apply(page, '', check);
	for (const path of ['/my', '/account', `/applications/${id}/withdraw`]) {
		await page.goto(path);
		await check(page);
	}
	const clerk = await city.as(people.clerk);
	await clerk.submit(await clerk.get(`/staff/applications/${id}`), '/accept');
	await clerk.submit(await clerk.get(`/staff/applications/${id}`), '/correction', { field: ['dog.colour'], message: '毛の色を確かめてください。' });
	await page.goto(`/applications/${id}/correct`);
	await check(page);
	await fill(page, { 'dog.colour': '赤' });
	await page.locator('form[action$="/correct"] button[name="send"]:not([aria-hidden])').click();
	await page.waitForURL(new RegExp(`/applications/${id}$`));
});

test('a resident applies, in English, without scripts', async () => {
	const page = await open({ javaScriptEnabled: false });
	await signIn(page, 'resident2@example.jp', '/en');
	await apply(page, '/en');
	assert.match(page.url(), /\/en\/applications\//);
	assert.match(await page.locator('main').innerText(), /[\dX-]{16,}/);
});

test('the office decides', async () => {
	const { id } = await applyByJson(await city.as('resident3@example.jp'));
	const page = await open();
	await signIn(page, people.clerk);
	for (const path of ['/staff', `/staff/applications/${id}`, '/staff/counter', '/staff/procedures', '/staff/statistics']) {
		await page.goto(path);
		await check(page);
	}
	await page.goto(`/staff/applications/${id}`);
	await page.locator('form[action$="/accept"] button').click();
	await page.locator('form[action$="/draft"] [name="outcome"][value="granted"]').check();
	await page.locator('form[action$="/draft"] button').click();
	await page.waitForLoadState();
	const chief = await open();
	await signIn(chief, people.chief);
	await chief.goto(`/staff/applications/${id}`);
	await check(chief);
	await chief.locator('form[action$="/route"] button[value="approve"]').click();
	const resident = await city.as('resident3@example.jp');
	const [document] = await until(async () => { const { documents } = (await resident.json(`/applications/${id}`)).json; return documents.length && documents; }, 'the document');
	await page.goto(`/verify/${document.code}`);
	await check(page);
	for (const [login, paths] of [['operator', ['/staff/outbox', '/staff/jobs', '/staff/keys']], ['admin', ['/staff/users', '/staff/users/1', '/staff/users/1/add/role', '/staff/users/import', '/staff/residents', '/staff/departments']],
		['records', ['/staff/records', '/staff/records/disposals']], ['auditor', ['/en/staff']]]) {
		const other = await open();
		await signIn(other, login);
		for (const path of paths) {
			await other.goto(path);
			await check(other);
		}
	}
});

test('the list by keyboard and mouse; a decision that was not chosen; a note that stays inside', async () => {
	const { id } = await applyByJson(await city.as('resident4@example.jp'));
	const page = await open();
	await signIn(page, people.clerk);
	await page.goto('/staff?scope=all&tab=office');
	await page.locator('th[data-all] input').focus();
	await page.keyboard.press('Space');
	const boxes = page.locator('tbody input[name="id"]');
	assert.equal(await page.locator('tbody input[name="id"]:checked').count(), await boxes.count(), 'all are ticked');
	await page.locator('tbody tr a').first().focus();
	await page.keyboard.press('x');
	assert.equal(await boxes.first().isChecked(), false);
	assert.equal(await page.locator('th[data-all] input').isChecked(), false);
	await page.locator('button[value="assign"]').click();
	await page.waitForURL(/\/staff\?scope=all&tab=office$/);
	await page.goto(`/staff/applications/${id}`);
	await page.locator('form[action$="/accept"] button').click();
	await page.locator('form[action$="/draft"] button').click();
	const link = page.locator('#problems a[href="#draft-outcome"]');
	await link.click();
	assert.equal(await page.evaluate(() => document.activeElement.name), 'outcome', 'the summary leads to the choice');
	await check(page);
	await page.locator('summary', { hasText: '補正を求める' }).click();
	const field = page.locator('.m-ticked', { has: page.locator('[value="dog.colour"]') });
	assert.equal(await field.locator('.m-input').isVisible(), false);
	await field.locator('[value="dog.colour"]').check();
	await field.locator('.m-input').fill('白でしたか。');
	await page.locator('#note-text').fill('電話で確かめた。');
	await page.locator('form[action$="/note"] button').click();
	await page.locator('.m-message--note', { hasText: '電話で確かめた。' }).waitFor();
	await check(page);
});

test('an officer goes on leave and names a deputy, with and without scripts', async () => {
	for (const javaScriptEnabled of [true, false]) {
		const page = await open({ javaScriptEnabled });
		const look = async () => javaScriptEnabled && check(page); // axe is a script
		await signIn(page, people.head);
		await page.goto('/staff/absences');
		await look();
		await page.locator('main a[href$="/deputy/new"]').click();
		await look();
		await page.locator('[name="deputy"]').selectOption('rank:係長');
		await page.locator('main form button').click();
		await page.waitForURL(/\/staff\/absences$/);
		await page.locator('main a[href$="/absence/new"]').click();
		await page.locator('main form button').click();
		await page.locator('.m-summary').waitFor();
		await look();
		await fill(page, { ...day('from', today()), ...day('until', today()), reason: 'leave' });
		await page.locator('main form button').click();
		await page.waitForURL(/\/staff\/absences$/);
		assert.match(await page.locator('main').innerText(), /代決しています/);
		await look();
		for (const kind of ['absence', 'deputy']) await page.locator(`form:has(input[value="${kind}"]) button`).first().click();
		assert.match(await page.locator('main').innerText(), /登録された不在はありません/);
	}
});
