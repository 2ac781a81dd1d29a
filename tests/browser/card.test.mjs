// The card in Chromium: signing in with a client certificate, proving who one is with a signature, signing an
// application, and the counter; on a desk and a telephone, in both languages.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { browseCity, check, day, fill, press, today } from '../lib/browse.mjs';
import { CardAuthority, serverCertificate } from '../lib/card.mjs';
import { freePort, root } from '../lib/city.mjs';

let ca, here, page, extra, cardUrl;

before(async () => {
	ca = await CardAuthority.start();
	extra = mkdtempSync(join(tmpdir(), 'machi-card-browser-'));
	const port = await freePort(), { cert, key } = serverCertificate(extra);
	cardUrl = `https://127.0.0.1:${port}`;
	here = await browseCity({
		init: ['--demo-size', '5'],
		settings: ['--card-port', String(port), '--card-cert', cert, '--card-key', key, '--card-url', cardUrl, '--card-crl', 'signature.crl authentication.crl'],
		env: { MACHI_CARD_SIMULATOR: 'true' },
	});
	ca.run('trust', join(here.city.dir, 'demo'));
	const own = join(here.city.dir, 'demo/custom/packs/resident/procedures');
	mkdirSync(own, { recursive: true });
	const yaml = readFileSync(join(root, 'packs/resident/procedures/course-signup.yaml'), 'utf8');
	writeFileSync(join(own, 'signed-course.yaml'), yaml.replace('id: course-signup', 'id: signed-course\nsignature: required'));
	await here.city.kill();
	await here.city.serve();
	ca.card('hanako');
	page = await here.open({ ignoreHTTPSErrors: true, clientCertificates: [{ origin: cardUrl,
		cert: readFileSync(ca.file('hanako', 'authentication.crt')), key: readFileSync(ca.file('hanako', 'authentication.key')) }] });
});
after(async () => {
	await here?.close();
	ca?.stop();
	if (extra) rmSync(extra, { recursive: true, force: true });
});

const main = () => page.locator('main').innerText();
// Saves what the page offers to sign, and brings the signature.
async function sign(link, field = 'signature') {
	const href = await page.locator(link).getAttribute('href');
	const text = await (await page.request.get(new URL(href, page.url()).href)).body();
	await page.setInputFiles(`[name="${field}"]`, { name: 'signed.p7s', mimeType: 'application/pkcs7-signature', buffer: ca.sign('hanako', text) });
}
async function inEnglish(path) {
	await page.goto(`/en${path}`);
	await check(page);
}

test('registering begins with the card, and goes on with its name', async () => {
	await page.goto('/register');
	await check(page);
	await press(page, page.getByRole('link', { name: 'マイナンバーカードの署名で' }));
	await check(page);
	await inEnglish('/register/card');
	await page.goto('/register/card');
	await press(page, 'main form.m-form button');
	assert.match(await main(), /署名ファイルを選んでください/);
	await check(page);
	await sign('a[download]');
	await press(page, 'main form.m-form button');
	assert.match(await main(), /確かめた氏名を入れました/);
	assert.equal(await page.locator('[name="name.family"]').inputValue(), '見本');
	await check(page);
	await fill(page, { mail: 'hanako@example.jp', password: 'umi no mieru machi 26' });
	await press(page, 'main form.m-form button');
	const { text } = await here.city.mailbox.take('hanako@example.jp');
	await page.goto(new URL(/http:\S+\/confirm\/\S+/.exec(text)[0]).pathname);
	await fill(page, { password: 'umi no mieru machi 26' });
	await press(page, 'main form.m-form button');
	assert.match(await main(), /カードの内容とアカウントの内容[^]*見本 花子[^]*同じ[^]*まだ入っていません/);
	await check(page);
	await inEnglish('/account/assurance/card/confirm');
	await page.goto('/account/assurance/card/confirm');
	await press(page, 'main form.m-form button');
	assert.match(await main(), /マイナンバーカードで確かめてあります/);
	await check(page);
	await inEnglish('/account/assurance');
});

test('linking the card, and signing in with it', async () => {
	await page.goto('/account/card');
	await check(page);
	await inEnglish('/account/card');
	await page.goto('/account/card');
	await press(page, page.getByRole('link', { name: 'カードを結び付ける' }));
	await page.waitForURL('**/login/card/done**');
	await check(page);
	await fill(page, { password: 'umi no mieru machi 26' });
	await press(page, 'main form.m-form button');
	assert.match(await main(), /使えます/);
	await check(page);
	await page.goto('/logout');
	await press(page, 'main form button');
	await page.goto('/login');
	await press(page, page.getByRole('link', { name: 'マイナンバーカード' }));
	await check(page);
	await inEnglish('/login/card');
	await page.goto('/login/card');
	await page.getByRole('link', { name: 'カードを読み取る' }).click();
	await page.waitForURL('**/my');
	await page.goto('/account/assurance');
	assert.match(await main(), /マイナンバーカードで確かめてあります/);
});

test('the most is asked for: reached with the card; without it the page says what to do', async () => {
	await page.goto('/procedures/seal-certificate');
	await check(page);
	await press(page, 'main form[action$="/apply"] button');
	assert.match(page.url(), /\/applications\/\d+\//);
	const other = await here.open();
	await here.signIn(other, 'resident1@example.jp');
	await other.goto('/account/assurance?identity=3&authentication=3&next=%2Fprocedures%2Fseal-certificate');
	assert.match(await other.locator('main').innerText(), /カードの署名[^]*マイナンバーカード/);
	await check(other);
	await other.goto('/en/account/assurance?identity=3&authentication=3');
	await check(other);
	await other.goto('/account/assurance/card');
	await check(other);
	await other.goto('/account/totp');
	await check(other);
	await other.goto('/en/account/passkeys');
	await check(other);
});

test('an application is signed before it is sent', async () => {
	await page.goto('/procedures/signed-course');
	await press(page, 'main form[action$="/apply"] button');
	await fill(page, { 'course.course': 'cooking' });
	await press(page, 'main button.m-button >> nth=0');
	await fill(page, { 'participant.furigana.family': 'ミホン', 'participant.furigana.given': 'ハナコ', 'participant.belongs': 'lives', 'participant.age_band': '40' });
	await press(page, 'main button.m-button >> nth=0');
	assert.match(await main(), /署名用電子証明書での署名が必要です/);
	await check(page);
	const path = new URL(page.url()).pathname;
	await inEnglish(path);
	await page.goto(path);
	await sign('#signature a[download]');
	await press(page, '#signature form button');
	assert.match(await main(), /署名と証明書を確認しました/);
	await check(page);
});

test('the counter: which documents, until when', async () => {
	here.city.cli('user', 'grant', 'admin', '--role', 'identity_check');
	const staff = await here.open();
	await here.signIn(staff, 'admin');
	await staff.goto('/staff/residents');
	await fill(staff, { q: 'resident1@example.jp', reason: '窓口に来た' });
	await press(staff, 'main form.m-filter button');
	await check(staff);
	await press(staff, staff.getByRole('link', { name: '書類を確かめた' }));
	await check(staff);
	await press(staff, 'main form.m-form button');
	assert.match(await staff.locator('main').innerText(), /書類を選んでください/);
	await check(staff);
	await fill(staff, { documents: 'licence', ...day('date', today()) });
	await press(staff, 'main form.m-form button');
	assert.match(await staff.locator('main').innerText(), /本人確認を登録しました/);
});
