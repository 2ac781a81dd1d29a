// Files that people send: each is looked into before it is kept, in a worker, and by a real virus scanner.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, freePort, root, until, words } from '../lib/city.mjs';
import { idOf, nested, dog, owner, photo, place } from '../lib/dog.mjs';
import { pdf } from '../lib/apply.mjs';

const dir = mkdtempSync(join(tmpdir(), 'machi-uploads-'));
const named = (bytes, name) => Object.assign(new Blob([bytes]), { name });
const whole = join(dir, 'whole.pdf');
writeFileSync(whole, Buffer.from(await pdf().arrayBuffer()));
function qpdf(...words) {
	const out = join(dir, 'out.pdf');
	execFileSync('qpdf', [...words, out]);
	return readFileSync(out);
}
const infected = qpdf(whole, '--linearize'); // what the scanner of this test takes for a virus

async function scanner() {
	const db = join(dir, 'db'), socket = join(dir, 'clamd.ctl'), conf = join(dir, 'clamd.conf');
	mkdirSync(db);
	writeFileSync(join(db, 'test.hdb'), `${createHash('md5').update(infected).digest('hex')}:${infected.length}:Machi.Test\n`);
	writeFileSync(conf, `LocalSocket ${socket}\nDatabaseDirectory ${db}\nForeground yes\nLogFile ${join(dir, 'clamd.log')}\n`);
	const child = spawn('clamd', ['-c', conf], { stdio: 'ignore' });
	const answers = () => new Promise((done) => {
		const line = connect(socket, () => line.end('zPING\0')).on('error', () => done(false));
		line.on('data', (said) => done(said.includes('PONG')));
	});
	await until(() => {
		assert.equal(child.exitCode, null, 'clamd goes on');
		return answers();
	}, 'clamd');
	return { socket, stop: () => new Promise((done) => { child.on('exit', done); child.kill(); }) };
}
const clamd = await scanner();
const city = await City.start({ settings: ['--clamd', clamd.socket] });
test.after(async () => {
	await city.stop();
	if (clamd) await clamd.stop();
	rmSync(dir, { recursive: true, force: true });
});

// The file step of a draft for the dog, which takes photos; and one that takes PDFs, too.
const resident = await city.as('resident1@example.jp');
async function draft(procedure, steps) {
	const begun = await resident.postJson(`/procedures/${procedure}/apply`, { applicant_kind: 'resident' }), id = idOf(begun.location);
	for (const [at, answers] of steps.entries())
		if (answers) assert.ok((await resident.postJson(`/applications/${id}/steps/${at + 1}`, nested(answers))).status < 400);
	return id;
}
const id = await draft('dog-registration', [owner, dog, place]);
const send = (file, control = 'attachments.photo') => resident.post(`/applications/${id}/steps/4`, { [control]: file },
	{ multipart: true, follow: false, headers: { accept: 'application/json' } });
const kept = async () => (await resident.json(`/applications/${id}/steps/4`)).text.match(/"blob":\s*"[0-9a-f]{64}"/g)?.length ?? 0;
const isKept = (bytes) => execFileSync('find', [city.dir, '-name', `*${createHash('sha256').update(bytes).digest('hex').slice(8)}*`], { encoding: 'utf8' }) !== '';

test('what cannot be opened is refused with words that say what to do, and is not kept', async () => {
	const good = Buffer.from(await photo().arrayBuffer());
	const cases = [
		['切れた.png', good.subarray(0, good.length / 2), '壊れている'],
		['爆弾.png', Buffer.concat([good.subarray(0, 16), Buffer.from([0, 1, 0, 0, 0, 1, 0, 0]), good.subarray(24)]), '壊れている'], // its checksum is wrong
	];
	for (const [name, bytes, said] of cases) {
		const answer = await send(named(bytes, name));
		assert.equal(answer.status, 422, answer.text);
		assert.ok(answer.json.errors[0].detail.includes(name) && answer.json.errors[0].detail.includes(said), answer.text);
	}
	assert.equal(await kept(), 0);
	if (!city.storeUrl.startsWith('postgres')) assert.deepEqual(cases.map(([, bytes]) => isKept(bytes)), [false, false]);
});

test('a PDF with a password, a script or a file inside is refused; without them it is taken', async () => {
	const sign = await draft('outdoor-advertisement', []);
	const put = (bytes, name) => resident.post(`/applications/${sign}/steps/6`, { 'attachments.map': named(bytes, name) },
		{ multipart: true, follow: false, headers: { accept: 'application/json' } });
	const detail = (answer) => (answer.json.errors ?? []).map((e) => e.detail).filter((d) => d.includes('.pdf')).join();
	const script = readFileSync(whole, 'latin1').replace('/Pages 2 0 R', '/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert)>>');
	for (const [bytes, name, said] of [
		[qpdf('--encrypt', 'secret', 'owner', '256', '--', whole), '鍵.pdf', 'パスワード'],
		[qpdf(whole, '--add-attachment', join(root, 'README.md'), '--'), '荷物.pdf', 'プログラムや別のファイル'],
		[Buffer.from(script, 'latin1'), '動く.pdf', 'プログラムや別のファイル'],
		[Buffer.from('%PDF-1.7\nnothing'), '空.pdf', '壊れている'],
	]) {
		const answer = await put(bytes, name);
		assert.equal(answer.status, 422);
		assert.ok(detail(answer).includes(name) && detail(answer).includes(said), `${name}: ${answer.text}`);
	}
	const answer = await put(readFileSync(whole), '図面.pdf');
	assert.equal(detail(answer), '', 'nothing is said of the good one');
	assert.match((await resident.json(`/applications/${sign}/steps/6`)).text, /図面\.pdf/);
});

test('a virus is found by clamd and told; the others come in', async () => {
	assert.ok((await send(photo('犬.png'))).status < 400);
	assert.equal(await kept(), 1);
	if (!city.storeUrl.startsWith('postgres')) assert.ok(isKept(Buffer.from(await photo().arrayBuffer())), 'this test would find it');
	const sign = await draft('outdoor-advertisement', []);
	const answer = await resident.post(`/applications/${sign}/steps/6`, { 'attachments.map': named(infected, '病気.pdf') },
		{ multipart: true, follow: false, headers: { accept: 'application/json' } });
	assert.equal(answer.status, 422);
	assert.match(answer.text, /「病気\.pdf」からウイルスが見つかりました/);
	assert.doesNotMatch((await resident.json(`/applications/${sign}/steps/6`)).text, /"name":\s*"病気/);
	assert.match(city.log(), /file\.infected.*Machi\.Test/);
	const page = await resident.submit(await resident.get(`/en/applications/${sign}/steps/6`), '/steps/6', { 'attachments.map': named(infected, 'ill.pdf') });
	assert.ok(words(page.text).includes('A virus was found in “ill.pdf”.'));
});

test('without an answer of the scanner nothing comes in, and the draft is kept', async () => {
	const silent = await City.start({ settings: ['--clamd', `127.0.0.1:${await freePort()}`] });
	try {
		const person = await silent.as('resident1@example.jp');
		const begun = await person.postJson('/procedures/dog-registration/apply', { applicant_kind: 'resident' }), other = idOf(begun.location);
		for (const [at, answers] of [owner, dog, place].entries()) await person.postJson(`/applications/${other}/steps/${at + 1}`, nested(answers));
		const answer = await person.post(`/applications/${other}/steps/4`, { 'attachments.photo': photo() }, { multipart: true, follow: false, headers: { accept: 'application/json' } });
		assert.equal(answer.status, 422);
		assert.match(answer.text, /ウイルス検査が、いまできません/);
		assert.match((await person.json(`/applications/${other}/steps/2`)).text, /柴犬/);
		assert.match(silent.log(), /file\.scan/);
	} finally {
		await silent.stop();
	}
});
