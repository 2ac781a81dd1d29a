// What the office does beyond the straight way, walked by those who do it: parallel consultation and the
// ways back, acting for an absent officer, a document that is revoked and issued anew, mistakes at their fields.
import test from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../lib/city.mjs';
import { browseCity, check, day, fill, press, problems, today } from '../lib/browse.mjs';
import { applyFor, applyForSign, address } from '../lib/apply.mjs';
import { applyByJson, office, photo } from '../lib/dog.mjs';

const { city, open, signIn, close } = await browseCity();
test.after(close);
const resident = await city.as('resident1@example.jp');
const phone = { viewport: { width: 390, height: 844 } };
const people = new Map();

// The page of somebody who stays signed in; base is "/en" for whoever reads English.
async function person(login, base = '', settings = {}) {
	if (!people.has(login)) {
		const page = await open(settings);
		await signIn(page, login, base);
		people.set(login, page);
	}
	return people.get(login);
}
async function at(login, id, base = '', settings = {}) {
	const page = await person(login, base, settings);
	await page.goto(`${base}/staff/applications/${id}`);
	return page;
}
const send = (page, verb) => press(page, `form[action$="/${verb}"] button`);
const decide = (page, action) => press(page, `form[action$="/route"] button[value="${action}"]`);
const main = (page) => page.locator('main').innerText();
// What is said at a field, and that the summary leads to it.
async function saidAt(page, id) {
	assert.equal(await page.locator(`.m-summary a[href="#${id}"]`).count(), 1, `the summary leads to ${id}`);
	const field = page.locator(`.m-field:has([id="${id}"]), .m-field[id="${id}"]`).last();
	return field.locator('.m-problem').first().innerText();
}
async function draft(login, id) {
	const page = await at(login, id);
	if (await page.locator('form[action$="/accept"]').count()) await send(page, 'accept');
	await fill(page, { outcome: 'granted' });
	await send(page, 'draft');
	return page;
}

test('合議: an objection, an agreement, sent back, pulled back, decided', async () => {
	const planning = await city.office('都市計画課'), roads = await city.office('道路管理課'), building = await city.office('建築指導課');
	const { id } = await applyForSign(resident, { zone: 'scenic' });
	await draft(planning.clerk, id);

	// The drafter takes it back as long as nobody acted, and drafts again.
	let page = await at(planning.clerk, id);
	await check(page);
	await fill(page, { comment: '書き直します。' });
	await decide(page, 'pull_back');
	await draft(planning.clerk, id);

	// One objects, on a phone; not without a reason.
	page = await at(roads.head, id, '', phone);
	await check(page, [390]);
	await decide(page, 'reject');
	assert.match(await saidAt(page, 'route-comment'), /意見を入力してください/);
	await check(page, [390]);
	await fill(page, { comment: '歩道の上には出せません。' });
	await decide(page, 'reject');

	// The other one, who reads English, is still heard.
	page = await at(building.head, id, '/en');
	await check(page);
	await fill(page, { comment: '構造は問題ありません。' });
	await decide(page, 'approve');

	// Back at the drafter, with both answers; the new round is agreed to, and the chief sends it back.
	page = await draft(planning.clerk, id);
	await page.locator('summary', { hasText: 'これまでの決裁の経過' }).first().click();
	assert.match(await main(page), /歩道の上には出せません。[\s\S]*構造は問題ありません。|構造は問題ありません。[\s\S]*歩道の上には出せません。/);
	await check(page);
	for (const head of [roads.head, building.head]) await decide(await at(head, id), 'approve');
	page = await at(planning.chief, id);
	await page.locator('summary', { hasText: '差し戻す' }).click();
	await check(page);
	await decide(page, 'send_back');
	assert.match(await saidAt(page, 'route-comment'), /意見を入力してください/);
	await fill(page, { comment: '図面を確かめてください。' });
	await page.locator('summary', { hasText: '差し戻す' }).click();
	await decide(page, 'send_back');
	page = await at(planning.clerk, id);
	assert.match(await main(page), /図面を確かめてください。/);

	// A third round; the chief decides, and the fee is paid.
	await draft(planning.clerk, id);
	for (const head of [roads.head, building.head]) await decide(await at(head, id), 'approve');
	await decide(await at(planning.chief, id), 'approve');
	page = await at(planning.clerk, id);
	await check(page);
	await fill(page, { yen: '' });
	await send(page, 'payment');
	assert.match(await saidAt(page, 'payment-yen'), /金額/);
	await page.goto(`/staff/applications/${id}`);
	await send(page, 'payment');
	assert.match(await main(page), /許可・交付/);
});

test('代決 and 後閲: the head goes on leave, the deputy decides, the head reads it afterwards', async () => {
	const planning = await city.office('都市計画課');
	const { id } = await applyForSign(resident, { area: 30, lighting: true });
	await draft(planning.clerk, id);
	await decide(await at(planning.chief, id), 'approve');

	let page = await person(planning.head, '', phone);
	await page.goto('/staff/absences');
	await press(page, 'main a[href$="/deputy/new"]');
	await fill(page, { deputy: 'other', login: planning.chief2, 'from.year': '8', 'from.month': '13', 'from.day': '1' });
	await press(page, 'main form button');
	assert.match(await saidAt(page, 'from'), /日付として/);
	assert.equal(await page.locator('[name="from.month"]').inputValue(), '13', 'as it was typed');
	await check(page, [390]);
	await fill(page, { 'from.year': '', 'from.month': '', 'from.day': '' });
	await press(page, 'main form button');
	await press(page, 'main a[href$="/absence/new"]');
	await fill(page, { ...day('from', today(), 'R'), ...day('until', today(), 'R'), reason: 'trip' });
	await press(page, 'main form button');
	assert.match(await main(page), /が代決しています/);
	await check(page, [390]);

	page = await at(planning.chief2, id);
	assert.match(await main(page), /代決/);
	await check(page);
	await decide(page, 'approve');

	page = await person(planning.head);
	await page.goto('/staff/absences');
	await press(page, 'form:has(input[value="absence"]) button');
	await page.goto('/staff?scope=review');
	await check(page, [390]);
	await press(page, `tbody a[href$="/staff/applications/${id}"]`);
	await check(page, [390]);
	await send(page, 'review');
	await page.goto('/staff?scope=review');
	assert.equal(await page.locator(`tbody a[href$="/staff/applications/${id}"]`).count(), 0);
	await page.goto('/staff/absences');
	await press(page, 'form:has(input[value="deputy"]) button');
});

test('a document is revoked and issued anew; the verification page says so', async () => {
	const dogs = await city.office(office);
	const { id } = await applyByJson(resident);
	await draft(dogs.clerk, id);
	await decide(await at(dogs.chief, id), 'approve');
	const documents = async (n) => until(async () => { const { documents: d } = (await resident.json(`/applications/${id}`)).json; return d.length === n && d; }, `${n} documents`);
	const [first] = await documents(1);
	const page = await at(dogs.head, id);
	await page.locator('summary', { hasText: '無効にする' }).click();
	await send(page, 'revoke');
	assert.match(await saidAt(page, `revoke-${first.code}-reason`), /理由を入力してください/);
	await check(page);
	await page.locator(`[id="revoke-${first.code}-reason"]`).fill('氏名の誤記のため');
	await send(page, 'revoke');
	assert.match(await main(page), /氏名の誤記のため/);
	await check(page);
	await page.goto(`/verify/${first.code}`);
	assert.match(await main(page), /無効/);
	await check(page);
	await page.goto(`/en/staff/applications/${id}`);
	await send(page, 'reissue');
	await documents(2);
	await page.reload();
	assert.equal(await page.locator('form[action$="/reissue"]').count(), 0, 'once');
	await check(page);
	const own = await open(phone);
	await signIn(own, 'resident1@example.jp');
	await own.goto(`/applications/${id}`);
	assert.match(await main(own), /無効/);
	await check(own, [390]);
});

test('mistakes of a draft and of a correction stand at their fields, all at once, with what was typed', async () => {
	const property = await city.office('資産税課'), name = { family: '街田', given: '花' };
	const { id } = await applyFor(resident, 'damage-certificate', [
		{ applicant: { name, address, phone: '087-800-0001', relation: 'owner' } },
		{ disaster: { kind: 'storm', date: '2026-09-10' } },
		{ building: { place: address, use: 'house', water: 'none', damage: '屋根の瓦が飛びました。', self_judgement: 'yes' } },
		{ household: [{ name, relation: 'head', years: 46 }] },
		{ files: [['attachments.photos', photo()]] },
	]);
	const page = await at(property.clerk, id);
	await send(page, 'accept');
	await check(page);
	await fill(page, { outcome: 'refused', 'findings.cause': '令和8年台風第15号', 'findings.surveyed.era': 'R', 'findings.surveyed.year': '８', 'findings.surveyed.month': '13', 'findings.surveyed.day': '1' });
	await send(page, 'draft');
	assert.match(await saidAt(page, 'draft-reason'), /理由を入力してください/);
	assert.match(await saidAt(page, 'draft-findings.surveyed'), /カレンダーにある日付/);
	assert.equal(await page.locator('[name="findings.surveyed.year"]').inputValue(), '８', 'as it was typed');
	assert.equal(await page.locator('[name="outcome"][value="refused"]').isChecked(), true);
	await problems(page);
	await check(page);
	await page.goto(`/staff/applications/${id}`);
	await page.locator('summary', { hasText: '補正を求める' }).click();
	await fill(page, { 'due.month': '13' });
	await send(page, 'correction');
	assert.match(await saidAt(page, 'correction-field'), /選んでください/);
	assert.match(await saidAt(page, 'correction-message'), /申請者への説明を入力/);
	assert.match(await saidAt(page, 'correction-due'), /日付/);
	await check(page);
});
