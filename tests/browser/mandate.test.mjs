// Acting for somebody else, as people do it: invited and accepted, applied by, checked by the office. Every new page with
// axe, at a desktop and a phone, in both languages, with all its forms also as they come back with mistakes.
import test from 'node:test';
import assert from 'node:assert/strict';
import { browseCity, check, fill, password, press } from '../lib/browse.mjs';
import { idOf, office, photo } from '../lib/dog.mjs';

const { city, open, signIn, close } = await browseCity();
test.after(close);
const people = await city.office(office);
const all = [['acts', 'apply'], ['acts', 'read'], ['acts', 'receive']];

async function person(login, base = '') {
	const page = await open();
	await signIn(page, login, base);
	return page;
}

for (const base of ['', '/en'])
	test(`a resident lets another act for them, who applies; either side ends it (${base || '/ja'})`, async () => {
		const [who, helper] = base ? ['resident3@example.jp', 'resident4@example.jp'] : ['resident1@example.jp', 'resident2@example.jp'];
		const principal = await person(who, base), agent = await person(helper, base), mail = `helper${base.length}@example.jp`;
		await principal.goto(`${base}/account/mandates`);
		await check(principal);
		await principal.goto(`${base}/account/mandates/new`);
		await press(principal, 'form[action$="/new"] .m-actions button');
		await check(principal); // with its mistakes
		assert.ok(await principal.locator('.m-summary li').count() >= 4);
		await fill(principal, { mail, ground: 'household', scope: 'some', procedures: 'tax-certificate', acts: 'apply', password });
		await press(principal, 'form[action$="/new"] .m-actions button');
		await check(principal);
		const [link] = await city.mailbox.find(mail, /\/account\/mandates\/invitation\/\S+/);
		await agent.goto(base + link);
		await check(agent);
		await press(agent, 'button[value="accept"]');
		await check(agent);
		await agent.goto(`${base}${link}`);
		await check(agent); // used
		await agent.goto(`${base}/account/mandates/ask`);
		await press(agent, 'form[action$="/ask"] .m-actions button');
		await check(agent);

		await agent.goto(`${base}/procedures/tax-certificate`);
		await agent.locator('[name="applicant_kind"][value="proxy"]').check();
		await press(agent, 'form[action$="/apply"] button.m-button');
		await check(agent);
		await press(agent, '#record-form .m-actions button'); // nothing chosen: the typed form says what it needs
		await check(agent);
		await agent.locator('#record-form [name="record"]').first().check();
		await press(agent, '#record-form .m-actions button');
		assert.match(agent.url(), /steps\/1$/);
		await agent.goto(`${base}/applications/${idOf(agent.url())}/confirm`);
		await check(agent);

		await principal.goto(`${base}/account/mandates`);
		await press(principal, 'main td a');
		await check(principal);
		await press(principal, 'form[action$="/end"] button');
		await check(principal);
	});

for (const base of ['', '/en'])
	test(`the office looks at a proof and registers at the counter (${base || '/ja'})`, async () => {
		const agent = await city.as('resident5@example.jp');
		await agent.post('/account/mandates/ask', [['name', '街田 みく'], ['ground', 'care'], ['scope', 'all'], ['file', photo('証.png')], ...all], { multipart: true });
		const clerk = await person(people.clerk, base);
		await clerk.goto(`${base}/staff/mandates?q=${encodeURIComponent('街田 みく')}`);
		await check(clerk);
		await press(clerk, 'main td a');
		await check(clerk);
		await clerk.locator('main details summary').first().click();
		await press(clerk, 'form[action$="/approve"] .m-actions button');
		await check(clerk); // what was seen is a must
		await fill(clerk, { seen: '介護支援専門員証' });
		await press(clerk, 'form[action$="/approve"] .m-actions button');
		await check(clerk);
		await clerk.goto(`${base}/staff/mandates/new`);
		await press(clerk, 'form[action$="/new"] .m-actions button');
		await check(clerk);
	});
