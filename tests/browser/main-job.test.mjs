// The main job in a real browser: a resident applies in Japanese with scripts, in English without them,
// and by keyboard alone; every page met has no accessibility findings and fits a phone.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { openBrowser } from '../lib/pages.mjs';
import { City } from '../lib/city.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const password = 'machi-demo-2026';
const city = await City.start({ init: ['--demo', '--demo-size', '80'] });
const browser = await openBrowser();
test.after(async () => {
	await browser.close();
	await city.stop();
});

async function open(options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true, ...options });
	const page = await context.newPage();
	page.errors = [];
	page.on('pageerror', (e) => page.errors.push(String(e)));
	return page;
}

// No findings of axe, and nothing wider than a phone's screen.
async function sound(page) {
	await page.addScriptTag({ path: axe });
	const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
	assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`), [], page.url());
	const size = page.viewportSize();
	await page.setViewportSize({ width: 375, height: 800 });
	const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	assert.ok(wide <= 0, `${page.url()}: ${wide} px wider than a phone`);
	await page.setViewportSize(size);
}

async function signIn(page, login, base = '') {
	await page.goto(`${city.url}${base}/login`);
	await page.fill('input[name=login]', login);
	await page.fill('input[name=password]', password);
	await page.press('input[name=password]', 'Enter');
	await page.waitForURL((url) => !url.pathname.endsWith('/login'));
}

const dog = {
	'dog.name': 'ポチ', 'dog.breed': '柴犬', 'dog.color': '茶', 'dog.colour': '茶',
};

// Fills whatever the step asks for with answers that fit a dog.
async function fillStep(page) {
	for (const input of await page.locator('main input:visible, main textarea:visible, main select:visible').all()) {
		const [name, type, tag, value] = await input.evaluate((e) => [e.name, e.type, e.tagName, e.value]);
		if (!name || value && type !== 'radio' && type !== 'checkbox' && tag !== 'SELECT') continue;
		if (type === 'checkbox') await input.check();
		else if (type === 'radio') {
			const group = page.locator(`input[name="${name}"]`);
			if (!await page.locator(`input[name="${name}"]:checked`).count()) await (/chip|rabies_label/.test(name) ? group.last() : group.first()).check(); // what wants no more files
		} else if (tag === 'SELECT') { if (/\.era$/.test(name)) await input.selectOption({ index: await input.locator('option').evaluateAll((all) => all.findIndex((o) => /令和|Reiwa/.test(o.label))) }); } else if (/\.year$/.test(name)) await input.fill('8');
		else if (/\.month$/.test(name)) await input.fill(name.startsWith('dog.birthday') ? '3' : '6');
		else if (/\.day$/.test(name)) await input.fill('10');
		else if (type !== 'file') await input.fill(dog[name] ?? 'くろ');
	}
}

// From the procedure's page to the receipt number; press is how a button is pressed.
async function apply(page, base, look, press) {
	await page.goto(`${city.url}${base}/procedures/dog-registration`);
	await look(page);
	const kind = page.locator('input[name=applicant_kind]');
	if (await kind.count()) await kind.first().check();
	await press(page, page.locator('main form button.m-button').first());
	for (let i = 0; i < 8 && /steps/.test(page.url()); i++) {
		await look(page);
		await fillStep(page);
		await press(page, page.locator('button[name=next]:visible').last());
	}
	assert.match(page.url(), /confirm/, await page.locator('main').innerText());
	await look(page);
	await press(page, page.locator('form[action$="/submit"] button').first());
	assert.match(page.url(), /submitted=1/);
	await look(page);
	assert.match(await page.locator('.m-number').first().innerText(), /^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9X]$/);
}

const click = async (page, button) => {
	await button.click();
	await page.waitForLoadState();
};
// Reaches the button with the keyboard's focus, and presses Enter.
const key = async (page, button) => {
	await button.focus();
	assert.ok(await button.evaluate((e) => e === document.activeElement));
	const [, url] = [await page.keyboard.press('Enter'), page.url()];
	await page.waitForFunction((was) => location.href !== was || document.querySelector('.m-summary'), url);
	await page.waitForLoadState();
};

test('in Japanese, with scripts', async () => {
	const page = await open({ locale: 'ja-JP' });
	await page.goto(city.url);
	await sound(page);
	await page.goto(`${city.url}/procedures`);
	await sound(page);
	await page.goto(`${city.url}/procedures/dog-registration/paper`);
	await sound(page);
	await page.goto(`${city.url}/register`);
	await sound(page);
	await signIn(page, 'resident2@example.jp');
	await apply(page, '', sound, click);
	await page.goto(`${city.url}/my`);
	await sound(page);
	assert.match(await page.locator('main').innerText(), /犬の登録/);
	assert.deepEqual(page.errors, []);
	await page.context().close();
});

test('in English, without scripts', async () => {
	const page = await open({ locale: 'en-GB', javaScriptEnabled: false });
	await signIn(page, 'resident3@example.jp', '/en');
	await apply(page, '/en', async () => {}, click);
	assert.match(await page.locator('main').innerText(), /We received your application/);
	await page.context().close();
});

test('by keyboard alone', async () => {
	const page = await open({ locale: 'ja-JP' });
	await signIn(page, 'resident4@example.jp');
	await page.goto(city.url);
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.className), 'm-skip');
	await apply(page, '', async () => {}, key);
	await page.context().close();
});

test('pages of staff and of the city', async () => {
	const { clerk } = await city.office('生活衛生課');
	const page = await open({ locale: 'ja-JP' });
	for (const path of ['/verify', '/journal', '/login', '/password/reset']) {
		await page.goto(city.url + path);
		await sound(page);
	}
	await signIn(page, clerk);
	for (const path of ['/staff', '/staff/counter', '/staff/procedures', '/staff/statistics', '/account']) {
		await page.goto(city.url + path);
		await sound(page);
	}
	await page.goto(`${city.url}/staff`);
	await page.locator('tbody a').first().click();
	await page.waitForURL(/staff\/applications/);
	await sound(page);
	await page.context().clearCookies();
	await signIn(page, 'operator');
	for (const path of ['/staff/outbox', '/staff/jobs']) {
		await page.goto(city.url + path);
		await sound(page);
	}
	assert.deepEqual(page.errors, []);
	await page.context().close();
});
