// What residents stumble on, walked in a real browser on a phone: questions that depend on answers,
// files, members of a household, another device, an expired session, "back", corrections, proxies,
// registration, the second factor.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { address, applyFor, applyForTaxCertificate } from '../lib/apply.mjs';
import { browseCity, check, fill, password, press, problems } from '../lib/browse.mjs';
import { applyByJson, idOf, photo } from '../lib/dog.mjs';

const { city, open, signIn, close } = await browseCity();
test.after(async () => {
	await close();
	rmSync(folder, { recursive: true });
});

const phone = { viewport: { width: 390, height: 844 } };
const next = (page) => press(page, 'button[name=next]:not([aria-hidden])');
const send = (page) => press(page, 'button[name=send]:not([aria-hidden])');
const value = (page, name) => page.locator(`[name="${name}"]`).first().inputValue();
const files = (page) => page.locator('.m-files__name').allInnerTexts();
const png = { name: '写真.png', mimeType: 'image/png', buffer: Buffer.from(await photo().arrayBuffer()) };
const fake = { name: 'だまし.png', mimeType: 'image/png', buffer: Buffer.from('MZ this is a program') };
const folder = mkdtempSync(join(tmpdir(), 'machi-upload-')), big = join(folder, '大きい.png'); // a file: as bytes it is slow to hand over
writeFileSync(big, Buffer.concat([png.buffer, Buffer.alloc(11 << 20)]));

const name = { family: '街田', given: '花' };
const child = (given, more = {}) => ({ name: { family: '街田', given }, birthday: '2018-05-01', relation: 'child', together: 'yes', supported: 'yes', ...more });
const childAllowance = [
	{ recipient: { ground: 'asked', name, furigana: { family: 'マチダ', given: 'ハナ' }, birthday: '1985-04-01', address, phone: '087-800-0001', insurance: 'employees' } },
	{ spouse: { has_spouse: 'no' } },
	{ children: [child('一郎', { together: 'no', reason_apart: '進学のため' }), child('二郎')] },
	{}, // nobody older
	{ account: { change_account: 'yes', bank: { bank: '百十四銀行', branch: '本店', kind: 'ordinary', number: '1234567', holder: 'マチダ ハナ' } } },
	{ agreement: { consent: 'yes' } },
];

// A draft whose first steps are answered; gives the number.
async function draft(login, steps) {
	const client = await city.as(login);
	const id = idOf((await client.postJson('/procedures/child-allowance-status/apply', { applicant_kind: 'resident' })).location);
	for (const [at, step] of steps.entries()) assert.ok((await client.postJson(`/applications/${id}/steps/${at + 1}`, step)).status < 400);
	return id;
}

test('questions come with the answers, nobody is scolded for what was not asked, and a change of language keeps all', async () => {
	const id = await draft('resident1@example.jp', childAllowance.slice(0, 1));
	const page = await open(phone);
	await signIn(page, 'resident1@example.jp');
	await page.goto(`/applications/${id}/steps/2`);
	await fill(page, { 'spouse.has_spouse': 'yes' });
	await page.locator('[name="spouse.living_together"]').first().waitFor();
	assert.equal(await page.evaluate(() => document.activeElement.name), 'spouse.has_spouse');
	assert.match(await page.locator('[data-draft-status]').innerText(), /質問が増えました/);
	await fill(page, { 'spouse.living_together': 'no' });
	await page.locator('[name="spouse.spouse_address.town"]').waitFor();
	assert.deepEqual(await page.locator('[data-field]').evaluateAll((all) => all.map((e) => e.dataset.field)),
		['spouse.has_spouse', 'spouse.spouse_name', 'spouse.living_together', 'spouse.spouse_address']);
	await check(page, [1280, 320]);
	await fill(page, { 'spouse.spouse_name.family': '高松', 'spouse.spouse_address.postal_code': '760-8571' });
	await page.getByText('住所を入力しました').waitFor(); // a field that came later has its script, too
	await press(page, page.getByRole('button', { name: 'English' })); // would stop at a question whether to leave
	assert.match(page.url(), /\/en\/applications\/\d+\/steps\/2$/);
	assert.equal(await value(page, 'spouse.spouse_name.family'), '高松');
	await fill(page, { 'spouse.has_spouse': 'no' });
	await page.locator('[name="spouse.living_together"]').first().waitFor({ state: 'detached' });
	assert.deepEqual(page.problems, []);

	const plain = await open({ ...phone, javaScriptEnabled: false });
	const other = await draft('resident2@example.jp', childAllowance.slice(0, 1));
	await signIn(plain, 'resident2@example.jp');
	await plain.goto(`/applications/${other}/steps/2`);
	await fill(plain, { 'spouse.has_spouse': 'yes' });
	await next(plain);
	assert.deepEqual(await problems(plain), []);
	assert.match(await plain.locator('.m-banner').innerText(), /質問が増えました/);
	await fill(plain, { 'spouse.spouse_name.family': '高松' });
	await press(plain, plain.getByRole('button', { name: 'English' }));
	assert.equal(await value(plain, 'spouse.spouse_name.family'), '高松');
	await press(plain, plain.getByRole('button', { name: '日本語' }));
	await next(plain);
	assert.deepEqual(await problems(plain), ['配偶者のお名前の「名」を入力してください。', '「同居していますか」を選んでください。']);
});

test('children: added, removed, and a mistake says whose it is; with and without scripts', async () => {
	for (const [login, javaScriptEnabled] of [['resident3@example.jp', true], ['resident4@example.jp', false]]) {
		const id = await draft(login, childAllowance.slice(0, 2));
		const page = await open({ ...phone, javaScriptEnabled });
		await signIn(page, login);
		await page.goto(`/applications/${id}/steps/3`);
		await fill(page, { 'children.0.name.family': '街田', 'children.0.name.given': '一郎', 'children.0.birthday.era': 'R', 'children.0.birthday.year': '元', 'children.0.birthday.month': '5', 'children.0.birthday.day': '1',
			'children.0.relation': 'child', 'children.0.together': 'yes', 'children.0.supported': 'yes' });
		await page.getByRole('button', { name: 'お子さんを追加する' }).click();
		await page.locator('[name="children.1.name.family"]').waitFor();
		await fill(page, { 'children.1.birthday.era': 'H', 'children.1.birthday.year': '30', 'children.1.birthday.month': '2', 'children.1.birthday.day': '30' });
		await next(page);
		const said = await problems(page);
		assert.ok(said.includes('お子さん 2：お名前を入力してください。') && said.includes('お子さん 2：生年月日は、カレンダーにある日付を入力してください。'), said.join());
		assert.ok(!said.some((text) => text.startsWith('お子さん 1')), said.join());
		if (javaScriptEnabled) {
			assert.equal(await page.evaluate(() => document.activeElement.id), 'problems');
			await check(page, [320]);
		}
		await page.getByRole('button', { name: 'お子さん 2を削除する' }).click();
		await page.locator('[name="children.1.name.family"]').waitFor({ state: 'detached' });
		await next(page);
		assert.match(page.url(), /steps\/4$/);
	}
});

test('files: what was refused does not take the others with it; the account; another device goes on; one submission', async () => {
	const login = 'resident5@example.jp', id = await draft(login, childAllowance.slice(0, 4));
	const page = await open(phone);
	await signIn(page, login);
	await page.goto(`/applications/${id}/steps/5`);
	await fill(page, { 'account.change_account': 'yes' });
	await page.locator('[name="account.bank.number"]').waitFor();
	await fill(page, { 'account.bank.bank': '百十四銀行', 'account.bank.number': '12', 'account.bank.holder': 'まちだ　はな' });
	await next(page);
	assert.deepEqual(await problems(page), ['新しい振込先（受給者の名義）の「支店名」を入力してください。', '口座番号は、7けたの数字で入力してください。7けたより短いときは、前に0を付けてください。']);
	await check(page, [320]);
	await fill(page, { 'account.bank.branch': '本店', 'account.bank.number': '１２３４５６７' });
	await next(page);
	await page.locator('[type=checkbox]').check();
	await next(page);

	const input = page.locator('input[type=file]');
	await input.setInputFiles([png, fake]);
	await next(page);
	assert.deepEqual(await problems(page), ['「だまし.png」は付けられません。使えるファイルは、PDF、JPEG（写真）、PNG（画像）です。']);
	assert.equal((await files(page)).length, 1);
	await page.goto(page.url());
	assert.equal((await files(page)).length, 1, 'it is kept');
	await input.setInputFiles(big);
	await next(page);
	assert.match((await problems(page))[0], /「大きい.png」は大きすぎます/);
	await check(page, [320]);
	await press(page, page.getByRole('button', { name: '削除する' }));
	assert.equal((await files(page)).length, 0);
	await input.setInputFiles([png, png]);
	await next(page);
	assert.match(page.url(), /confirm$/);
	assert.match(await page.locator('main').innerText(), /ヤマダ|マチダ ハナ/);

	const other = await open(phone); // another device: from the procedure's page to where one was
	await signIn(other, login);
	await other.goto('/procedures/child-allowance-status');
	await check(other, [320]);
	await press(other, other.getByRole('link', { name: '続きから入力する' }));
	assert.match(other.url(), new RegExp(`/applications/${id}/steps/7$`));

	let posts = 0;
	page.on('request', (request) => { posts += request.method() === 'POST'; });
	await Promise.all([page.waitForURL(/submitted=1/), page.locator('form[action$="/submit"] button').dblclick()]);
	assert.equal(posts, 1);
	await check(page, [320]);
	await page.goBack();
	await page.waitForURL(new RegExp(`/applications/${id}$`)); // not an error, and not a form that is closed
	await next(other); // the other device did not know
	assert.match(await other.locator('main').innerText(), /もう送信されています/);
	await check(other, [320]);
});

test('an address that was filled in from the profile is not called changed', async () => {
	const login = 'resident6@example.jp', id = await draft(login, []);
	const page = await open(phone);
	await signIn(page, login);
	await page.goto(`/applications/${id}/steps/1`);
	await fill(page, { 'recipient.ground': 'asked', 'recipient.insurance': 'none' });
	await next(page);
	await page.goto(`/applications/${id}/confirm`);
	assert.ok(!(await page.locator('main').innerText()).includes('登録されている情報から変更'));
});

test('an expired session: the page says why, and leads back to the step', async () => {
	const login = 'resident7@example.jp', id = await draft(login, childAllowance.slice(0, 1));
	const page = await open(phone);
	await signIn(page, login);
	await page.goto(`/applications/${id}/steps/2`);
	await fill(page, { 'spouse.has_spouse': 'yes' });
	await page.locator('[name="spouse.living_together"]').first().waitFor(); // and so it is saved
	await page.context().clearCookies();
	await next(page);
	assert.match(await page.locator('.m-banner').innerText(), /最後に保存したところまで/);
	await check(page, [320]);
	await fill(page, { login, password: 'machi-demo-2026' });
	await press(page, 'main form button');
	assert.match(page.url(), new RegExp(`/applications/${id}/steps/2$`));
	assert.ok(await page.locator('[name="spouse.has_spouse"][value=yes]').isChecked());
});

test('a correction: what is asked for is marked, files survive a mistake, both versions are shown; messages', async () => {
	const login = 'resident8@example.jp', client = await city.as(login);
	const { id } = await applyFor(client, 'child-allowance-status', [...childAllowance, { files: [['attachments.separation_proof', photo('前.png')]] }]);
	const { clerk: who } = await city.office('子育て支援課');
	const clerk = await city.as(who);
	await clerk.submit(await clerk.get(`/staff/applications/${id}`), '/accept');
	await clerk.submit(await clerk.get(`/staff/applications/${id}`), '/message', { text: '書類が読めません。' });
	await clerk.submit(await clerk.get(`/staff/applications/${id}`), '/correction', { field: ['account.bank', 'attachments.separation_proof'], message: '口座と書類を確かめてください。' });
	let page = await open(phone);
	await signIn(page, login);
	await page.goto(`/applications/${id}`);
	assert.match(await page.locator('.m-messages').innerText(), /書類が読めません/);
	await fill(page, { text: 'はい、\n直します。' });
	await press(page, page.getByRole('button', { name: '送る', exact: true }));
	assert.match(await page.locator('.m-message--mine').innerText(), /はい、\n直します。/);
	await press(page, page.getByRole('link', { name: '内容を直す' }));
	await check(page, [1280, 320]);
	assert.deepEqual(await page.locator('.m-asked-for a').allInnerTexts(), ['新しい振込先（受給者の名義）', '別居監護の申立書など']);
	assert.deepEqual(await page.locator('[data-field]').evaluateAll((all) => all.map((e) => e.dataset.field)), ['account.bank', 'attachments.separation_proof'], 'nothing else is open');
	await page.getByText('送信したときの内容を見る').click();
	assert.match(await page.locator('.m-details').innerText(), /日本|街田/);
	await press(page, page.getByRole('button', { name: '削除する' }).last());
	assert.deepEqual(await files(page), []);
	await fill(page, { 'account.bank.number': '76' });
	await page.locator('input[type=file]').setInputFiles(png);
	await send(page);
	assert.equal((await problems(page)).length, 1);
	assert.equal((await files(page)).length, 1);
	await press(page, page.getByRole('button', { name: 'English' }));
	assert.equal(await value(page, 'account.bank.number'), '76');
	await press(page, page.getByRole('button', { name: '日本語' }));
	// Kept while typing; the session ends, the browser is closed, another device goes on, without scripts.
	const saved = page.waitForResponse((r) => r.request().method() === 'POST');
	await fill(page, { 'account.bank.number': '765432' });
	assert.equal((await saved).status(), 200);
	assert.match(await page.locator('[data-draft-status]').innerText(), /保存/);
	await page.context().close();
	const plain = await open({ ...phone, javaScriptEnabled: false });
	await plain.goto(`/applications/${id}/correct`);
	await fill(plain, { login, password });
	await press(plain, 'main form button');
	assert.equal(new URL(plain.url()).pathname, `/applications/${id}/correct`);
	assert.equal(await value(plain, 'account.bank.number'), '765432');
	assert.deepEqual(await files(plain), ['写真.png 1 KB']);
	assert.match(await plain.locator('.m-inset').last().innerText(), /まだ送っていません/);
	await fill(plain, { 'account.bank.number': '7654321' });
	await press(plain, 'button[name=save]');
	assert.match(await plain.locator('.m-banner').first().innerText(), /まだ送っていません/);
	assert.ok(!JSON.stringify((await clerk.json(`/staff/applications/${id}`)).json).includes('7654321'), 'the office sees nothing of it');
	page = await open(phone);
	await signIn(page, login);
	await page.goto(`/applications/${id}/correct`);
	assert.equal(await value(page, 'account.bank.number'), '7654321');
	await send(page);
	assert.match(page.url(), new RegExp(`/applications/${id}$`));
	await page.getByText('申請の内容', { exact: true }).click();
	const changed = await page.locator('.m-list__row--changed').allInnerTexts();
	assert.equal(changed.length, 2, changed.join());
	assert.match(changed[0], /7654321[\s\S]*変更前[\s\S]*1234567/);
	assert.match(changed[1], /写真\.png[\s\S]*変更前[\s\S]*前\.png/);
	await check(page, [320]);
	const { answers } = (await clerk.json(`/staff/applications/${id}`)).json;
	assert.ok(JSON.stringify(answers).includes('"before"'), 'staff see it as well');
});

test('a proxy says for whom; withdrawal', async () => {
	const page = await open(phone);
	await signIn(page, 'resident9@example.jp');
	await page.goto('/procedures/child-allowance-status');
	await fill(page, { applicant_kind: 'proxy' });
	await press(page, 'form[action$="/apply"] .m-actions button');
	await fill(page, { principal_name: '高松太郎', principal_mail: 'taro' });
	await press(page, '#mandate-form .m-actions button');
	assert.deepEqual(await problems(page), ['本人の住所を入力してください。', '本人のメールアドレスを、name@example.jp のような形で入力してください。', '「代理できる理由」を選んでください。']);
	await check(page, [1280, 320]);
	await press(page, page.getByRole('button', { name: 'English' }));
	assert.equal(await value(page, 'principal_name'), '高松太郎');
	await fill(page, { principal_address: '高松市番町1-1', principal_mail: '', ground: 'letter' });
	await press(page, '#mandate-form .m-actions button');
	assert.match(page.url(), /\/en\/applications\/\d+\/steps\/1$/);

	const { id } = await applyForTaxCertificate(await city.as('resident9@example.jp'));
	await page.goto(`/applications/${id}`);
	await press(page, page.getByRole('link', { name: '申請を取り下げる' }));
	await check(page, [320]);
	await press(page, page.getByRole('button', { name: '取り下げる' }));
	await page.goto('/my');
	await check(page, [1280, 320]);
});

function code(key, at = Date.now()) {
	const bits = [...key.replace(/\s/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
	const time = Buffer.alloc(8);
	time.writeBigUInt64BE(BigInt(Math.floor(at / 30000)));
	const mac = createHmac('sha1', Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))).update(time).digest();
	return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
}

test('from the first mail to the second factor, a forgotten password, and signing out everywhere', async () => {
	const page = await open(phone), mail = 'first@example.jp', word = 'さくらの咲く丘で2026', other = '海の見える坂道で2026';
	const go = () => press(page, 'main form .m-actions button');
	await page.goto('/procedures/dog-registration');
	await press(page, 'form[action$="/apply"] button');
	await press(page, 'main a[href*="/register"]');
	await go();
	assert.equal((await problems(page)).length, 4);
	await check(page, [320]);
	await fill(page, { 'name.family': '街田', 'name.given': '花', mail, password: word });
	await go();
	await check(page, [320]);
	const link = async () => new URL((await city.mailbox.find(mail, /https?:\/\/\S+\/(confirm|password)\/\S+/))[0]).pathname;
	await press(page, page.getByRole('link', { name: 'English' })); // the way back comes along
	await press(page, page.getByRole('link', { name: '日本語' }));
	const tab = await page.context().newPage(); // the mail opens one of its own
	await tab.goto(await link());
	await fill(tab, { password: word });
	await press(tab, 'main form .m-actions button');
	assert.equal(new URL(tab.url()).pathname, '/procedures/dog-registration');
	await tab.close();
	await page.reload(); // the first one goes on, too
	assert.equal(new URL(page.url()).pathname, '/procedures/dog-registration');
	await press(page, 'form[action$="/apply"] button');
	assert.match(page.url(), /applications\/\d+\/steps\/1$/);
	await check(page, [320]);

	await page.goto('/account/totp');
	await fill(page, { password: word });
	await go();
	await check(page, [320]); // the key is long
	const key = await page.locator('main ol strong').innerText();
	await fill(page, { code: code(key) });
	await go();
	const codes = await page.locator('main code').allInnerTexts();
	assert.equal(codes.length, 10);
	await check(page, [320]);

	const elsewhere = await open(phone);
	await signIn(elsewhere, mail, '', word);
	assert.match(elsewhere.url(), /login\/totp$/);
	await check(elsewhere, [320]);
	await fill(elsewhere, { code: codes[0] });
	await press(elsewhere, 'main form .m-actions button');
	assert.match(elsewhere.url(), /\/my$/);

	await page.goto('/account/sessions');
	await press(page, 'button[value=all]');
	await check(page, [320]);
	await elsewhere.goto('/my');
	assert.match(elsewhere.url(), /login/);

	city.mailbox.mails.length = 0;
	await elsewhere.goto('/password/reset');
	await fill(elsewhere, { login: mail });
	await press(elsewhere, 'main form .m-actions button');
	await elsewhere.goto(await link());
	await check(elsewhere, [320]);
	await fill(elsewhere, { password: other });
	await press(elsewhere, 'main form .m-actions button');
	await page.goto('/my');
	assert.match(page.url(), /login/, 'a new password ends every session');
	for (const path of ['/account/history', '/account/close', '/account/tokens']) {
		await elsewhere.goto(path);
		if (!/login/.test(elsewhere.url())) await check(elsewhere, [320]);
	}
});

test('signed in meanwhile in another tab: the first one leads on', async () => {
	const page = await open(phone), tab = await page.context().newPage();
	await page.goto('/login?next=/procedures/dog-registration');
	await signIn(tab, 'resident9@example.jp');
	await fill(page, { login: 'resident9@example.jp', password });
	await press(page, 'main form button');
	assert.match(await page.title(), /^送信できませんでした/);
	await check(page, [320]);
	await press(page, page.getByRole('link', { name: '前のページを開き直す' }));
	assert.equal(new URL(page.url()).pathname, '/procedures/dog-registration');
	const { id } = await applyByJson(await city.as('resident9@example.jp'));
	await page.goto(`/applications/${id}`);
	await page.locator('textarea[name=text]').evaluate((e) => e.removeAttribute('required')); // as a browser that does not check
	await press(page, page.getByRole('button', { name: '送る', exact: true }));
	assert.equal((await problems(page)).length, 1);
});

test('what cannot be had: not there, not allowed, a document that nobody issued', async () => {
	const page = await open(phone);
	await signIn(page, 'resident10@example.jp');
	for (const [path, status] of [['/nowhere', 404], ['/staff', 403], ['/applications/999999', 404], ['/verify/ABCD-EFGH-JKMN-PQRS', 404], ['/en/staff', 403]]) {
		const answer = await page.goto(path);
		assert.equal(answer.status(), status, path);
		await check(page, [1280, 320]);
		assert.ok(await page.locator('main a, main form').count(), `${path} leads on`);
	}
});

// Moves on with Tab alone until the focus is there; it must be seen.
async function tabTo(page, locator) {
	for (let i = 0; i < 80; i++) {
		await page.keyboard.press('Tab');
		if (await locator.first().evaluate((e) => e === document.activeElement)) {
			assert.ok(await locator.first().isVisible());
			return;
		}
	}
	assert.fail(`not reached by keyboard: ${locator} on ${page.url()}`);
}

test('one\'s own pages in English, without scripts, by keyboard alone', async () => {
	const login = 'resident11@example.jp';
	await applyByJson(await city.as(login));
	const page = await open({ ...phone, locale: 'en-GB', javaScriptEnabled: false });
	await signIn(page, login, '/en');
	const go = async (locator) => {
		await tabTo(page, locator);
		await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
		assert.equal(await page.locator('html').getAttribute('lang'), 'en');
		assert.doesNotMatch(await page.locator('h1').innerText(), /[ぁ-ん]/);
	};
	const link = (name) => page.locator('main').getByRole('link', { name, exact: true }), button = (name) => page.locator('main').getByRole('button', { name, exact: true });
	const flash = () => page.locator('.m-banner--success').first().innerText();

	await page.goto('/en/my');
	await go(page.locator('#my-open ~ ul a'));
	await tabTo(page, page.locator('textarea[name=text]'));
	await page.keyboard.type('When will it be ready?');
	await go(button('Send'));
	assert.match(await flash(), /sent/i);
	assert.match(await page.locator('.m-message--mine').innerText(), /When will it be ready\?/);
	await tabTo(page, page.locator('summary', { hasText: 'History' }));
	await page.keyboard.press('Enter');
	assert.ok(await page.locator('.m-timeline').isVisible());
	await go(link('Withdraw the application'));
	await go(button('Withdraw'));
	assert.match(await page.locator('main').innerText(), /It was withdrawn: nothing more will happen/);

	await page.goto('/en/account');
	await go(link('Change these'));
	await tabTo(page, page.locator('[name=phone]'));
	await page.keyboard.press('Control+A');
	await page.keyboard.type('090-0000-0000');
	await go(button('Save'));
	assert.match(await page.locator('main').innerText(), /090-0000-0000/);
	for (const name of ['Sign-in history', 'Where you are signed in']) {
		await page.goto('/en/account');
		await go(link(name));
	}
	await go(button('Sign out all other devices'));
	assert.match(await flash(), /sign/i);
	await page.goto('/en/account');
	await go(link('Close your account'));
	await go(button('Close the account'));
	assert.equal((await problems(page)).length, 1, 'not without the password');
	await tabTo(page, page.locator('[name=password]'));
	await page.keyboard.type(password);
	await go(button('Close the account'));
	await page.goto('/en/my');
	assert.match(page.url(), /\/en\/login/);
});
