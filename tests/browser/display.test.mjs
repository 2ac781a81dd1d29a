// How pages hold up under what people set for their eyes: large text, high zoom, colours of their own
// (Windows high contrast), the keyboard alone, dark surroundings, paper.
import test from 'node:test';
import assert from 'node:assert/strict';
import { browseCity, press } from '../lib/browse.mjs';

const { open, signIn, close } = await browseCity();
test.after(close);
const shots = process.env.MACHI_SHOTS;
const everybody = ['/', '/procedures', '/procedures/dog-registration', '/login', '/register', '/verify', '/nowhere'];
const residents = ['/my', '/account', '/account/profile', '/account/password', '/account/sessions', '/account/history', '/account/totp', '/account/mail'];

// A resident with the first step of a form before them; gives its path.
async function resident(page) {
	await signIn(page, 'resident1@example.jp');
	await page.goto('/procedures/child-allowance-status');
	await press(page, 'form[action$="/apply"] button');
	return new URL(page.url()).pathname;
}

async function eachPage(page, see) {
	for (const path of everybody) {
		await page.goto(path);
		await see(path);
	}
	for (const path of [await resident(page), ...residents]) {
		await page.goto(path);
		await see(path);
	}
	await page.goto('/en/my');
	await see('/en/my');
}

const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test('400 % zoom (320 px) and 200 % text: nothing is cut off or scrolls sideways', async () => {
	const page = await open();
	await eachPage(page, async (path) => {
		await page.setViewportSize({ width: 320, height: 640 });
		assert.equal(await wide(page), 0, `${path} at 320 px`);
		await page.setViewportSize({ width: 640, height: 800 });
		await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
		assert.equal(await wide(page), 0, `${path} with large text`);
	});
});

// Runs in the page: what of it cannot be seen with the person's own colours.
function unseen() {
	const found = [];
	const say = (e, what) => found.push(`${what}: ${e.outerHTML.slice(0, 120)}`);
	for (const e of document.querySelectorAll('input:not([type=hidden], [type=radio], [type=checkbox], [type=file]), select, textarea, .m-button')) {
		const box = e.getBoundingClientRect(), style = getComputedStyle(e);
		if (box.width < 2 || e.closest('.m-sr') || style.appearance === 'auto') continue;
		if (style.borderBottomStyle === 'none' || parseFloat(style.borderBottomWidth) < 1) say(e, 'no border');
		else if (style.borderBottomColor === getComputedStyle(document.body).backgroundColor) say(e, 'border of the ground\'s colour');
	}
	for (const e of document.querySelectorAll('[aria-current]:not(.m-steps *, .m-languages *)')) { // marked by more than a colour
		const style = getComputedStyle(e), other = [...e.closest('ul, ol, nav').querySelectorAll('a')].find((a) => a !== e && !a.hasAttribute('aria-current'));
		const look = (s) => [s.borderBottomColor, s.borderBottomWidth, s.outlineStyle, s.fontWeight, s.textDecorationLine].join();
		if (other && look(style) === look(getComputedStyle(other))) say(e, 'not marked');
	}
	return found;
}

// The ring around what has the focus; a card's is around the card.
function ring() {
	const e = document.activeElement;
	if (!e || e === document.body) return null;
	const seen = [null, '::after'].map((part) => getComputedStyle(e, part)).some((s) => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && s.outlineColor !== getComputedStyle(document.body).backgroundColor);
	return { seen, at: e.outerHTML.slice(0, 120) };
}

test('colours of one\'s own: borders, marks and the focus are seen', async () => {
	for (const colorScheme of ['light', 'dark']) {
		const page = await open({ forcedColors: 'active', colorScheme });
		await eachPage(page, async (path) => {
			if (shots) await page.screenshot({ path: `${shots}/forced-${colorScheme}${path.replaceAll('/', '_').replace(/\d+/g, 'N')}.png`, fullPage: true });
			assert.deepEqual(await page.evaluate(unseen), [], `${path}, ${colorScheme}`);
			if (colorScheme === 'light') return;
			let last;
			for (let i = 0; i < 15; i++) {
				await page.keyboard.press('Tab');
				const focus = await page.evaluate(ring);
				if (!focus || focus.at === last) break;
				last = focus.at;
				assert.ok(focus.seen, `${path}: no ring around ${focus.at}`);
			}
		});
	}
});

test('dark surroundings, quiet motion and paper', async () => {
	const page = await open({ colorScheme: 'dark', reducedMotion: 'reduce' });
	await eachPage(page, async (path) => {
		const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).transitionDuration !== '0s' || getComputedStyle(e).animationName !== 'none').length);
		assert.equal(moving, 0, `${path} moves`);
		// Dark colours are not offered: then the ground is said, or inputs turn dark alone.
		const [text, ground, scheme] = await page.evaluate(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor, getComputedStyle(document.documentElement).colorScheme]; });
		assert.notEqual(text, ground);
		assert.ok(ground === 'rgb(255, 255, 255)' && !/dark/.test(scheme), `${path}: ${ground} ${scheme}`);
		await page.emulateMedia({ media: 'print' });
		assert.deepEqual(await page.locator('.m-nav, .m-header__tools, .m-skip, .m-search').evaluateAll((all) => all.filter((e) => e.getClientRects().length).map((e) => e.className)), [], `${path} on paper`);
		assert.ok((await page.locator('h1').boundingBox()).height > 0);
		await page.emulateMedia({ media: 'screen' });
	});
});
