// 個人番号: the question with its ground on a phone, the page of numbers by keyboard, the number shown, the check recorded.
import test from 'node:test';
import assert from 'node:assert/strict';
import { browseCity, check, fill, press, problems } from '../lib/browse.mjs';
import { applyForCare, careOffice, individualNumber, mayHandle, sure } from '../lib/care.mjs';

const { city, open, close } = await browseCity();
test.after(close);
const number = individualNumber('45645645645');
const own = await city.office(careOffice);
await mayHandle(city, own.clerk);
const resident = await city.as('resident1@example.jp'), clerk = await sure(city, own.clerk);
const { id } = await applyForCare(resident, number);
const main = (page) => page.locator('main').innerText();

// A browser with the session of a client, so that its second factor is there.
async function as(client, settings) {
	const page = await open(settings);
	await page.context().addCookies([...client.cookies].map(([name, value]) => ({ name, value, url: city.url })));
	return page;
}

test('the applicant is told on what ground the number is asked for', async () => {
	const { location } = await resident.post('/procedures/long-term-care/apply', { applicant_kind: 'resident' }, { follow: false });
	const phone = await as(resident, { viewport: { width: 390, height: 844 } });
	for (const lang of ['', '/en']) {
		await phone.goto(`${lang}${location}`);
		const field = phone.locator('[name="insured.my_number"]');
		assert.deepEqual([await field.getAttribute('inputmode'), await field.getAttribute('autocomplete')], ['numeric', 'off']);
		assert.match(await main(phone), lang ? /article 9/ : /番号法第9条第1項/);
		await check(phone);
	}
});

test('staff see the number once, and record how it was checked', async () => {
	const page = await as(clerk);
	await page.goto(`/staff/applications/${id}`);
	await check(page);
	assert.match(await main(page), /まだ確認していません/);
	await press(page, `a[href$="/staff/my-number/${id}"]`);
	await check(page);
	await press(page, 'form[action$="/' + id + '"] button');
	assert.equal((await problems(page)).length, 2);
	await check(page);
	await page.locator('[name="purpose"]').first().focus();
	await page.keyboard.press('Space');
	await page.locator('#reason').fill('被保険者証との照合');
	await page.locator('#reason').focus();
	await page.keyboard.press('Tab');
	await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
	assert.ok((await main(page)).includes(number.replace(/(....)(....)(....)/, '$1 $2 $3')));
	assert.ok(!page.url().includes(number));
	await check(page);
	await page.goto(`/en/staff/my-number/${id}`);
	await check(page);
	assert.ok(!(await page.content()).includes(number));
	await fill(page, { number_by: 'card', person_by: 'photo' });
	await press(page, 'form[action$="/check"] button');
	assert.match(await main(page), /My Number Card \/ one official document/);
	await check(page);
	const phone = await as(resident, { viewport: { width: 390, height: 844 } });
	await phone.goto('/my/readings');
	assert.match(await main(phone), /個人番号を表示した/);
	await check(phone);
});
