// Who looked at my data: the resident's page, the reason that staff give, the officer's list and a large export.
import test from 'node:test';
import assert from 'node:assert/strict';
import { browseCity, check, day, fill, press } from '../lib/browse.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const { city, open, signIn, close } = await browseCity({ settings: ['--export-people', '1'] });
test.after(close);
const people = await city.office(office);
const resident = await city.as('resident1@example.jp');
const { id } = await applyByJson(resident);
const main = (page) => page.locator('main').innerText();

test('an auditor says why by keyboard; the resident sees it on a phone and asks; an officer answers', async () => {
	const auditor = await open();
	await signIn(auditor, 'auditor');
	await auditor.goto(`/staff/applications/${id}`);
	await check(auditor);
	await auditor.locator('#reason').focus();
	await auditor.keyboard.type('6月分の監査');
	await auditor.keyboard.press('Tab');
	await auditor.keyboard.press('Enter');
	await auditor.waitForURL(`**/staff/applications/${id}`);
	assert.match(await main(auditor), /到達番号/);

	const phone = await open({ viewport: { width: 390, height: 844 } });
	await signIn(phone, 'resident1@example.jp');
	await phone.goto('/my/readings');
	await check(phone);
	assert.match(await main(phone), /6月分の監査/);
	await phone.goto('/my/readings?print=1');
	await check(phone);
	await phone.goto('/en/my/readings/ask');
	await check(phone);
	await press(phone, 'main form button');
	await check(phone);
	await fill(phone, { text: 'Why?' });
	await press(phone, 'main form button');
	assert.match(await main(phone), /Why\?/);
	await check(phone);

	const officer = await open();
	await signIn(officer, 'security');
	assert.match(officer.url(), /\/staff\/trail$/);
	await check(officer);
	await officer.goto('/staff/trail/alerts');
	await check(officer);
	await press(officer, 'tbody th a');
	await check(officer);
	await press(officer, 'form[action$="/take"] button');
	await officer.locator('#answer-text').fill('It was the audit of June.');
	await press(officer, 'form[action$="/answer"] button');
	await press(officer, 'form[action$="/close"] button');
	await check(officer);
	assert.match(await main(officer), /判断を選んでください/);
	await officer.locator('#close-finding').selectOption('answered');
	await officer.locator('#close-text').fill('回答した');
	await press(officer, 'form[action$="/close"] button');
	assert.match(await main(officer), /完了/);
	await check(officer);
	await phone.goto('/my/readings');
	assert.match(await main(phone), /It was the audit of June\./);
	await check(phone);
});

test('a large export is asked for, approved by another, fetched once', async () => {
	const head = await open(), division = await open();
	await applyByJson(resident);
	await signIn(head, people.head);
	await head.goto('/staff/export.csv?procedure=dog-registration&scope=all');
	await check(head);
	await fill(head, { purpose: '統計のため' });
	await press(head, 'main form button');
	await check(head);
	const path = new URL(head.url()).pathname;
	await signIn(division, people.division);
	await division.goto('/staff/exports');
	await check(division);
	await division.goto(path);
	await check(division);
	await fill(division, { comment: '了承' });
	await press(division, 'main form button.m-button:not(.m-button--secondary)');
	await check(division);
	await head.goto(path);
	const [file] = await Promise.all([head.waitForEvent('download'), head.locator('main a.m-button').click()]);
	assert.match(file.suggestedFilename(), /\.csv$/);
	await head.goto(path);
	assert.match(await main(head), /取出し済み/);
	await check(head);
	const officer = await open();
	await signIn(officer, 'security');
	await officer.goto('/staff/exports/identify');
	await check(officer);
	await officer.locator('#mark').fill(/X-[0-9A-Z]{12}/.exec(await main(head))[0]);
	await press(officer, 'main form button');
	assert.match(await main(officer), /統計のため/);
	await check(officer);
});

test('an alert is given to somebody with a day; the pages of officers, exports and sessions in both languages', async () => {
	const officer = await open(), head = await open(), phone = await open({ viewport: { width: 390, height: 844 } });
	await signIn(officer, 'security');
	await city.as('resident1@example.jp').then((client) => client.postJson('/my/readings/ask', { text: 'もう一つ' }));
	await officer.goto('/staff/trail/alerts');
	await press(officer, 'tbody th a');
	await press(officer, 'form[action$="/assign"] button');
	await check(officer);
	assert.match(await main(officer), /確認する人を選んでください/);
	await officer.locator('#assign-to').selectOption({ index: 1 });
	await fill(officer, day('due', '2020-01-31'));
	await press(officer, 'form[action$="/assign"] button');
	assert.match(await main(officer), /期限切れ/);
	await check(officer);
	await officer.goto('/en/staff/trail/alerts?state=mine');
	await check(officer);
	assert.match(await main(officer), /overdue/);
	await press(officer, 'tbody th a');
	await check(officer);
	const { id: staff } = (await (await city.as('admin')).json(`/staff/users?q=${people.head}`)).json.users.find((u) => u.login === people.head);
	for (const path of ['/en/staff/trail', '/staff/exports/identify', '/en/staff/exports/identify', '/account/sessions', '/en/account/sessions', `/staff/users/${staff}/sessions`, `/en/staff/users/${staff}/sessions`]) {
		assert.equal((await officer.goto(path)).status(), 200, path);
		await check(officer);
	}
	await signIn(head, people.head);
	for (const path of ['/en/staff/exports', '/en/staff/exports/new?procedure=dog-registration&scope=all&format=csv']) {
		assert.equal((await head.goto(path)).status(), 200, path);
		await check(head);
	}
	await signIn(phone, 'resident1@example.jp');
	for (const path of ['/account/sessions', '/en/account/sessions', '/en/my/readings']) {
		assert.equal((await phone.goto(path)).status(), 200, path);
		await check(phone);
	}
});
