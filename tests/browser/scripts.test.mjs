// The scripts of assets/, on the style guide's pages with a server that plays the city.
import test from 'node:test';
import assert from 'node:assert/strict';
import { openPages } from '../lib/pages.mjs';

const drafts = [], posts = [];
let failing = false;
const pages = await openPages((request, body) => {
	const path = new URL(request.url, 'http://x').pathname;
	if (path.startsWith('/api/postal/')) {
		const town = { 7608571: ['番町'], 7600000: ['番町', '亀井町'] }[path.slice(12)] ?? [];
		return { type: 'application/json', body: JSON.stringify({ addresses: town.map((name) => ({ prefecture: '香川県', city: '高松市', town: name })) }) };
	}
	if (path === '/draft') {
		drafts.push(new URLSearchParams(body));
		return { status: failing ? 500 : 200, type: 'application/json', body: '{}' };
	}
	if (request.method === 'POST') {
		posts.push(new URLSearchParams(body));
		let page = pages.read('form-rows.ja.html');
		const row = page.slice(page.indexOf('<fieldset class="m-row"'), page.indexOf('<fieldset class="m-row"', page.indexOf('<fieldset class="m-row"') + 1));
		if (body.includes('household.add')) page = page.replace(row, row + row.replaceAll('household.0', 'household.9'));
		return { type: 'text/html; charset=utf-8', body: page };
	}
	return null;
});
test.after(pages.close);

async function open(file) {
	const page = await pages.browser.newPage();
	page.problems = [];
	page.on('pageerror', (e) => page.problems.push(String(e)));
	await page.goto(`${pages.base}/${file}`);
	await page.waitForLoadState('networkidle');
	return page;
}
const field = (page, name) => page.locator(`[name="${name}"]`);

test('a postal code fills in the address', async () => {
	const page = await open('form.ja.html');
	for (const part of ['prefecture', 'city', 'town', 'street']) await field(page, `owner.address.${part}`).fill('');
	await field(page, 'owner.address.postal_code').fill('７６０-８５７１');
	await page.getByText('住所を入力しました').waitFor();
	assert.equal(await field(page, 'owner.address.town').inputValue(), '番町');
	await field(page, 'owner.address.postal_code').fill('760-0000');
	await page.getByRole('button', { name: '住所を検索' }).click();
	await page.getByText('町名が2件あります').waitFor();
	assert.equal(await page.locator('datalist option').count(), 2);
	await field(page, 'owner.address.postal_code').fill('999-9999');
	await page.getByRole('button', { name: '住所を検索' }).click();
	await page.getByText('見つかりません').waitFor();
	assert.deepEqual(page.problems, []);
	await page.close();
});

test('a draft is kept while typing, and a failure is told', async () => {
	const page = await open('form.ja.html');
	drafts.length = 0;
	await field(page, 'dog.weight').fill('9.5');
	await page.getByText(/に保存しました/).waitFor({ timeout: 8000 });
	assert.equal(drafts[0].get('dog.weight'), '9.5');
	assert.equal(drafts[0].get('draft'), '1');
	assert.equal(drafts[0].get('csrf'), 'token');
	failing = true;
	await field(page, 'dog.weight').fill('10');
	await page.getByText('保存できませんでした').waitFor({ timeout: 8000 });
	failing = false;
	let asked = false;
	page.on('dialog', (dialog) => {
		asked = dialog.type() === 'beforeunload';
		dialog.accept();
	});
	await page.goto(`${pages.base}/front.ja.html`);
	assert.ok(asked, 'unsaved changes are not left without asking');
	await page.close();
});

test('a row is added and removed without a new page', async () => {
	const page = await open('form-rows.ja.html');
	await page.evaluate(() => { window.same = true; });
	await field(page, 'household.0.name.family').fill('鈴木');
	await page.getByRole('button', { name: '追加する' }).click();
	await page.locator('[name="household.9.name.family"]').waitFor();
	assert.equal(posts.at(-1).get('household.add'), '1');
	assert.equal(posts.at(-1).get('household.0.name.family'), '鈴木');
	assert.equal(await page.locator('fieldset.m-row').count(), 3);
	await page.locator('[name="household.9.remove"]').click();
	await page.waitForFunction(() => document.querySelectorAll('fieldset.m-row').length === 2);
	assert.ok(await page.evaluate(() => window.same && document.activeElement.name === 'household.add'));
	assert.deepEqual(page.problems, []);
	await page.close();
});

test('a form is sent once', async () => {
	const page = await open('form-rows.ja.html');
	posts.length = 0;
	const next = page.locator('.m-actions button[name=next]');
	await Promise.all([page.waitForEvent('load'), next.evaluate((button) => { button.click(); button.click(); button.click(); })]);
	assert.equal(posts.length, 1);
	await page.close();
});

test('the summary leads into the fields', async () => {
	const page = await open('form-problems.ja.html');
	assert.equal(await page.evaluate(() => document.activeElement.id), 'problems');
	await page.getByRole('link', { name: '昭和65年' }).click();
	assert.equal(await page.evaluate(() => document.activeElement.name), 'owner.birthday.era');
	await page.getByRole('link', { name: '姓を入力' }).click();
	assert.equal(await page.evaluate(() => document.activeElement.name), 'owner.name.family');
	await page.getByRole('link', { name: '性別を' }).click();
	assert.equal(await page.evaluate(() => document.activeElement.name), 'dog.sex');
	await page.close();
});

test('a list by keyboard', async () => {
	const page = await open('inbox.ja.html');
	const links = page.locator('tbody a');
	await page.keyboard.press('j'); // outside the table: nothing
	assert.equal(await page.evaluate(() => document.activeElement.tagName), 'BODY');
	await links.first().focus();
	await page.keyboard.press('j');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('k');
	assert.ok(await links.nth(1).evaluate((link) => link === document.activeElement));
	await page.keyboard.press('x');
	assert.ok(await page.locator('tbody input').nth(1).isChecked());
	await page.close();
});

test('a dialog asks first', async () => {
	const page = await open('components.ja.html');
	await page.locator('[data-dialog]').click();
	assert.ok(await page.locator('dialog').isVisible());
	await page.keyboard.press('Escape');
	assert.ok(!(await page.locator('dialog').isVisible()));
	await page.locator('[data-dialog]').click();
	await page.getByRole('button', { name: 'やめる' }).click();
	assert.ok(!(await page.locator('dialog').isVisible()));
	await page.close();
});

test('the user menu', async () => {
	const page = await open('form.ja.html');
	await page.locator('.m-user summary').click();
	assert.ok(await page.getByRole('link', { name: 'アカウントの設定' }).isVisible());
	await page.keyboard.press('Escape');
	assert.ok(!(await page.getByRole('link', { name: 'アカウントの設定' }).isVisible()));
	await page.close();
});
