// PDFs that are made when somebody asks, and the outbox with a real mail server.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, freePort, root, until, words } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

// A real mail server, when one may be started (OpenSMTPD starts as root).
const mailDir = mkdtempSync(join(tmpdir(), 'machi-smtp-'));
const mailPort = await freePort();
const script = join(root, 'tests/lib/smtp.sh');
const started = spawnSync(script, ['start', mailDir, String(mailPort)], { stdio: ['ignore', 'ignore', 'inherit'] });
assert.ok([0, 77].includes(started.status), 'the mail server did not start');
const hasServer = started.status === 0;

const city = await City.start({
	init: ['--demo-size', '3'], // few mails of the demo's own
	settings: hasServer ? ['--smtp-url', `smtp://127.0.0.1:${mailPort}`, '--smtp-from', 'noreply@city.example'] : [],
});
test.after(async () => {
	await city.stop();
	spawnSync(script, ['stop', mailDir]);
	rmSync(mailDir, { recursive: true, force: true });
});
const people = await city.office(office);

function textOf(bytes) {
	const file = join(city.dir, 'a.pdf');
	writeFileSync(file, bytes);
	return execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' }).normalize('NFKC').replace(/\s/g, '');
}

async function pdf(client, path) {
	const page = await client.get(path);
	assert.equal(page.status, 200, path);
	assert.equal(page.headers.get('content-type'), 'application/pdf', path);
	return textOf(page.bytes);
}

test('every procedure has a paper form, in both languages', async () => {
	const anybody = city.client();
	const ids = [];
	for (let page = 1; ; page++) {
		const { procedures } = (await anybody.json(`/procedures?online=true&page=${page}`)).json;
		const fresh = procedures.map((one) => one.id).filter((id) => !ids.includes(id));
		if (fresh.length === 0) break;
		ids.push(...fresh);
	}
	assert.ok(ids.includes('dog-registration'), `${ids}`);
	let made = 0;
	for (const id of ids) {
		for (const prefix of ['', '/en']) {
			const page = await anybody.get(`${prefix}/procedures/${id}/paper.pdf`);
			if (page.status === 404) continue; // a catalogue entry without a form
			assert.equal(page.status, 200, `${prefix} ${id}`);
			assert.ok(textOf(page.bytes).length > 100, id);
			made++;
		}
	}
	assert.ok(made >= 20, `${made} forms`);
	assert.ok((await pdf(anybody, '/procedures/dog-registration/paper.pdf')).includes('犬の種類'));
});

test('receipt and answers as PDF, for the applicant and the office only', async () => {
	const resident = await city.as('resident2@example.jp');
	const { id, receipt } = await applyByJson(resident);
	assert.ok((await pdf(resident, `/applications/${id}/receipt.pdf`)).includes(receipt));
	const answers = await pdf(resident, `/applications/${id}/print.pdf`);
	for (const one of [receipt, '街田花', 'ポチ', '柴犬']) assert.ok(answers.includes(one), one);
	const other = await city.as('resident3@example.jp');
	for (const name of ['receipt', 'print']) assert.equal((await other.get(`/applications/${id}/${name}.pdf`)).status, 404);
	assert.equal((await other.get(`/staff/applications/${id}/print.pdf`)).status, 403);
	const clerk = await city.as(people.clerk);
	assert.ok((await pdf(clerk, `/staff/applications/${id}/print.pdf`)).includes('ポチ'));
	assert.equal((await (await city.as('clerk1-1')).get(`/staff/applications/${id}/print.pdf`)).status, 404);
});

// The newest mail that a real mail server delivered to a user.
const delivered = (user) => until(() => {
	const folder = join(mailDir, 'mail', user, 'new');
	try {
		const names = readdirSync(folder);
		return names.length ? readFileSync(join(folder, names.sort().at(-1)), 'utf8') : undefined;
	} catch { return undefined; }
}, `a mail for ${user}`);

test('mails go out through a real mail server', { skip: !hasServer }, async () => {
	const client = city.client();
	await client.submit(await client.get('/register'), '/register',
		{ 'name.family': '香川', 'name.given': '健', mail: 'ken@example.jp', password: '柳の下に-三匹のどじょう' });
	const mail = await delivered('ken');
	assert.match(mail, /^Auto-Submitted: auto-generated\r?$/m);
	const [, body] = /\r?\n\r?\n([A-Za-z0-9+/=\r\n]+)$/.exec(mail);
	const text = Buffer.from(body, 'base64').toString('utf8');
	const [link] = /https?:\/\/\S+\/confirm\/\S+/.exec(text);
	assert.equal((await client.get(new URL(link).pathname)).status, 200);
});

test('the operator sees what became of mails, sends again and gives up', { skip: !hasServer }, async () => {
	const client = city.client();
	await client.submit(await client.get('/register'), '/register',
		{ 'name.family': '香川', 'name.given': '健', mail: 'refused@example.jp', password: '柳の下に-三匹のどじょう' });
	const admin = await city.as('operator');
	const notice = await until(async () => (await admin.json('/staff/outbox?state=dead')).json.notices[0], 'a refused mail');
	assert.equal(notice.to, 'refused@example.jp');
	let page = await admin.get(`/staff/outbox/${notice.id}`);
	assert.ok(words(page.text).includes('550'), page.text);
	assert.ok(!/\/confirm\/[\w-]{20}/.test(page.text), 'the link is not shown');
	page = await admin.submit(page, '/send');
	assert.equal(page.url, `/staff/outbox/${notice.id}`);
	await until(async () => (await admin.json(`/staff/outbox/${notice.id}`)).json.notice.state === 'dead', 'refused again');
	page = await admin.submit(await admin.get(`/staff/outbox/${notice.id}`), '/discard');
	assert.ok((await admin.json(`/staff/outbox/${notice.id}`)).json.notice.state === 'discarded');
	assert.equal((await (await city.as(people.clerk)).get('/staff/outbox')).status, 403);
});

test('no page of a blank form ends with a heading, and who may send a proxy finds a place for the mandate', async () => {
	const visitor = city.client(), procedures = [];
	for (const page of [1, 2, 3]) procedures.push(...(await visitor.json(`/procedures?online=true&page=${page}`)).json.procedures);
	const squeeze = (text) => text.normalize('NFKC').replace(/\s/g, '');
	const ids = new Set(procedures.map((one) => one.id));
	assert.ok(ids.size >= 10);
	for (const id of ids) {
		const { sections } = (await visitor.json(`/procedures/${id}/paper`)).json;
		const headings = new Set(sections.flatMap((s) => [s.title, s.help, ...(s.rows ?? []).map((r) => r.title)]).filter(Boolean).map(squeeze));
		const { bytes } = await visitor.get(`/procedures/${id}/paper.pdf`);
		const pages = execFileSync('pdftotext', ['-layout', '-', '-'], { input: bytes, encoding: 'utf8' }).split('\f').slice(0, -1);
		for (const [at, page] of pages.entries()) {
			const lines = page.split('\n').map(squeeze).filter(Boolean);
			assert.match(lines.pop(), new RegExp(`${at + 1}/${pages.length}`), `${id}: the foot of a page`);
			assert.ok(!headings.has(lines.at(-1)), `${id}, page ${at + 1} ends with ${lines.at(-1)}`);
		}
		const { applicants } = (await visitor.json(`/procedures/${id}`)).json;
		const proxy = applicants.some((kind) => (kind.value ?? kind) === 'proxy');
		assert.equal(squeeze(pages.join('')).includes('委任状私は、上の代理人に'.normalize('NFKC')), proxy, id);
	}
});
