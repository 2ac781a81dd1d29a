// Every component in both languages, on a desk and on a phone: no accessibility findings, nothing wider
// than the screen, works at 200 % text. MACHI_SHOTS=<folder> keeps pictures.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { openPages } from '../lib/pages.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const shots = process.env.MACHI_SHOTS;
const sizes = { desk: { width: 1280, height: 900 }, phone: { width: 375, height: 812 }, small: { width: 320, height: 640 } };

const { browser, base, files, close } = await openPages();
test.after(close);
if (shots) mkdirSync(shots, { recursive: true });

const only = process.env.MACHI_PAGE;
for (const file of files) {
	if (only && !file.startsWith(only)) continue;
	test(file, async () => {
		const context = await browser.newContext({ bypassCSP: true, deviceScaleFactor: 1 });
		const page = await context.newPage();
		const errors = [];
		page.on('pageerror', (e) => errors.push(String(e)));
		page.on('console', (m) => m.type() === 'error' && errors.push(m.text()));
		try {
			for (const [name, size] of Object.entries(sizes)) {
				await page.setViewportSize(size);
				await page.goto(`${base}/${file}`);
				if (shots && name !== 'small') await page.screenshot({ path: join(shots, `${file}.${name}.png`), fullPage: true });
				const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
				assert.ok(wide <= 0, `${name}: ${wide} px wider than the screen`);
				if (name === 'small') continue;
				await page.addScriptTag({ path: axe });
				const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
				assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`), [], name);
			}
			await page.setViewportSize({ width: 1280, height: 900 });
			await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
			const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
			assert.ok(wide <= 0, `200 %: ${wide} px wider than the screen`);
			if (shots) {
				await page.goto(`${base}/${file}`);
				await page.emulateMedia({ media: 'print' });
				await page.pdf({ path: join(shots, `${file}.pdf`), preferCSSPageSize: true });
			}
			assert.deepEqual(errors, []);
		} finally {
			await context.close();
		}
	});
}
