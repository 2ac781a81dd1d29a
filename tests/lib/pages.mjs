// The style guide's pages on a small server, with the site's own security policy, and a browser.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve, extname } from 'node:path';
import { chromium } from 'playwright-core';

const types = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' };

export function openBrowser() {
	return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'] });
}

// other(request, body) may answer {status, type, body}, or null for a file.
export async function openPages(other = () => null) {
	const folder = mkdtempSync(join(tmpdir(), 'machi-look-'));
	const program = [process.env.MACHI_BUILD, 'build', 'build-test'].filter(Boolean).map((b) => resolve(b, 'web_test_components')).find(existsSync);
	execFileSync(program, { env: { ...process.env, MACHI_SOURCE: resolve('.'), MACHI_STYLEGUIDE: folder }, stdio: 'pipe' });
	const server = createServer(async (request, response) => {
		let body = '';
		for await (const chunk of request) body += chunk;
		const path = new URL(request.url, 'http://x').pathname;
		const file = path.startsWith('/assets/') ? join(resolve('.'), path) : join(folder, path);
		const answer = other(request, body) ?? (existsSync(file) ? { type: types[extname(file)], body: readFileSync(file) } : { status: 404, body: '' });
		response.writeHead(answer.status ?? 200, { 'content-type': answer.type ?? 'text/plain',
			'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'" });
		response.end(answer.body);
	}).listen(0, '127.0.0.1');
	await new Promise((done) => server.on('listening', done));
	const browser = await openBrowser();
	return {
		browser,
		base: `http://127.0.0.1:${server.address().port}`,
		files: readdirSync(folder).sort(),
		read: (name) => readFileSync(join(folder, name), 'utf8'),
		async close() {
			await browser.close();
			server.closeAllConnections();
			server.close();
			rmSync(folder, { recursive: true });
		},
	};
}
