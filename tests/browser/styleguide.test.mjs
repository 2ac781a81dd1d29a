// Every component in both languages, on a desk and on a phone: no accessibility findings, nothing wider
// than the screen, works at 200 % text. MACHI_SHOTS=<folder> keeps pictures.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve, extname } from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const shots = process.env.MACHI_SHOTS;
const types = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' };
const sizes = { desk: { width: 1280, height: 900 }, phone: { width: 375, height: 812 }, small: { width: 320, height: 640 } };

const pages = mkdtempSync(join(tmpdir(), 'machi-look-'));
const program = [process.env.MACHI_BUILD, 'build', 'build-test'].filter(Boolean).map((b) => resolve(b, 'web_test_components')).find(existsSync);
execFileSync(program, { env: { ...process.env, MACHI_SOURCE: resolve('.'), MACHI_STYLEGUIDE: pages }, stdio: 'ignore' });

const server = createServer((request, response) => {
	const path = new URL(request.url, 'http://x').pathname;
	const file = path.startsWith('/assets/') ? join(resolve('.'), path) : join(pages, path);
	if (!existsSync(file)) return response.writeHead(404).end();
	response.writeHead(200, { 'content-type': types[extname(file)],
		'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'" });
	response.end(readFileSync(file));
}).listen(0, '127.0.0.1');
await new Promise((done) => server.on('listening', done));
const base = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
test.after(async () => {
	await browser.close();
	server.close();
	rmSync(pages, { recursive: true });
});
if (shots) mkdirSync(shots, { recursive: true });

const only = process.env.MACHI_PAGE;
for (const file of readdirSync(pages).sort()) {
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
