// A city with a browser before it: pages opened, filled in and looked at as people do.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { City } from './city.mjs';
import { openBrowser } from './pages.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.MACHI_SHOTS; // a folder, to look at the pages
export const password = 'machi-demo-2026';

export async function fill(page, values) {
	for (const [name, value] of Object.entries(values)) {
		const field = page.locator(`[name="${name}"]`).first();
		const kind = await field.evaluate((e) => e.type);
		if (kind === 'radio' || kind === 'checkbox') await page.locator(`[name="${name}"][value="${value}"]`).first().check();
		else if (kind === 'select-one') await field.selectOption(value);
		else await field.fill(value);
	}
}

// A date for fill(), in the parts of its field; without an era, else "R" and its year.
export function day(name, iso, era = '') {
	const [year, month, date] = iso.split('-');
	return { [`${name}.era`]: era, [`${name}.year`]: era ? String(Number(year) - 2018) : year, [`${name}.month`]: month, [`${name}.day`]: date };
}
export const today = () => new Date().toLocaleDateString('sv-SE', { timeZone: 'Asia/Tokyo' });

// Presses a button that sends its form, and waits for the page that comes.
export async function press(page, button) {
	await Promise.all([page.waitForEvent('load'), (typeof button === 'string' ? page.locator(button) : button).first().click()]);
}

// The texts of the error summary; each of its links leads to something on the page.
export async function problems(page) {
	const links = page.locator('.m-summary li a');
	for (const href of await links.evaluateAll((all) => all.map((a) => a.hash.slice(1)))) assert.equal(await page.locator(`[id="${decodeURIComponent(href)}"]`).count(), 1, href);
	return page.locator('.m-summary li').allInnerTexts();
}

// Accessible at both widths, and nothing wider than the screen: 320 is 1280 at 400 % (WCAG 1.4.10).
// Not for a page whose scripts are off: axe is one.
export async function check(page, widths = [1280, 375]) {
	const path = new URL(page.url()).pathname;
	const was = page.viewportSize();
	for (const width of widths) {
		await page.setViewportSize({ width, height: 800 });
		if (shots) await page.screenshot({ path: `${shots}/${path.replaceAll('/', '_').replace(/\d+/g, 'N')}-${width}.png`, fullPage: true });
		// The end of a session takes what others set up of the browser with it: a page may have one of its own.
		const session = page.cdp ?? await page.context().newCDPSession(page);
		await session.send('Runtime.evaluate', { expression: axe });
		const { result } = await session.send('Runtime.evaluate', { awaitPromise: true, returnByValue: true,
			expression: "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then((r) => r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')))" });
		assert.deepEqual(result.value, [], `${path} at ${width}`);
		const wide = await session.send('Runtime.evaluate', { returnByValue: true, expression: 'document.documentElement.scrollWidth' });
		assert.ok(wide.result.value <= width, `${path} is ${wide.result.value} wide at ${width}`);
		if (!page.cdp) await session.detach();
	}
	await page.setViewportSize(was);
	assert.deepEqual(page.problems, [], path);
}

export async function browseCity(options = {}) {
	const city = await City.start({ mail: true, ...options });
	const browser = await openBrowser();
	return {
		city,
		// A new person's browser with one page; page.problems are errors of scripts and of the policy.
		async open(settings = {}) {
			const context = await browser.newContext({ baseURL: city.url, locale: 'ja-JP', ...settings });
			const page = await context.newPage();
			page.setDefaultTimeout(10000);
			page.problems = [];
			page.on('pageerror', (e) => page.problems.push(String(e)));
			page.on('console', (m) => /Content Security Policy/.test(m.text()) && page.problems.push(m.text()));
			return page;
		},
		async signIn(page, login, base = '', word = password) {
			await page.goto(`${base}/login`);
			await fill(page, { login, password: word });
			await press(page, 'main form button');
		},
		async close() {
			await browser.close();
			await city.stop();
		},
	};
}
