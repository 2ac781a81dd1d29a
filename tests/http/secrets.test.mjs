// 個人番号 goes through every path that handles one, and through those where somebody puts it by mistake; then every
// byte that the server wrote is searched for it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { City, storeKind, until, words } from '../lib/city.mjs';
import { applyForCare, careOffice, careSteps, individualNumber, mayHandle, sure } from '../lib/care.mjs';
import { pdfText } from '../lib/pdf.mjs';

// A number of its own for each path, so that a leak tells where it came from.
const numbers = new Map();
const numberOf = (path) => {
	if (!numbers.has(path)) numbers.set(path, individualNumber(70000000007 + numbers.size * 111111111));
	return numbers.get(path);
};
const wide = (s) => [...s].map((c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)).join('');
const groups = (n, between) => n.replace(/(....)(....)(....)/, `$1${between}$2${between}$3`);

// A number as it may stand somewhere: digits, groups, wide, escaped, and inside of what is base64 or hexadecimal.
function spellings(n) {
	const inside = [0, 1, 2].map((k) => Buffer.from('\0'.repeat(k) + n).toString('base64').slice(Math.ceil((k * 8) / 6), Math.floor(((k + 12) * 8) / 6)));
	return [n, groups(n, ' '), groups(n, '-'), groups(n, '+'), groups(n, '%20'), wide(n), groups(wide(n), '　'), encodeURIComponent(wide(n)),
		encodeURIComponent(wide(n)).toLowerCase(), [...wide(n)].map((c) => `\\u${c.charCodeAt(0).toString(16)}`).join(''), ...inside,
		Buffer.from(n).toString('hex'), Buffer.from(n).toString('hex').toUpperCase(), Buffer.from(wide(n)).toString('hex')];
}

let city, work, resident, own, clerk, answers, cores;

before(async () => {
	work = mkdtempSync(join(tmpdir(), 'machi-secrets-'));
	mkdirSync(join(work, 'tmp'));
	// What the server is begun by may leave a core: the server itself must see to it that it does not.
	try { execFileSync('prlimit', ['--pid', String(process.pid), '--core=unlimited']); } catch { /* a lower hard limit */ }
	cores = () => readdirSync('.').filter((f) => /^core/.test(f) && statSync(f).isFile());
	city = await City.start({ mail: true, settings: ['--log', 'debug'], env: { TMPDIR: join(work, 'tmp') } });
	resident = await city.as('resident1@example.jp');
	own = await city.office(careOffice);
	clerk = await city.as(own.clerk);
	await mayHandle(city, own.clerk);
	await sure(city, own.clerk);
	answers = [];
	for (const client of [resident, clerk, await city.as(own.chief), await city.as(own.head), await city.as('security'), await city.as('admin'), await city.as('records')]) keep(client);
});
after(async () => {
	if (city && city.code === undefined) await city.stop();
	rmSync(work, { recursive: true, force: true });
});

// What a client is answered is kept, to be searched, too; `shown` is set where a number is meant to be there.
function keep(client) {
	const { request } = client;
	client.request = async (method, path, options) => {
		const page = await request.call(client, method, path, options);
		if (!client.shown) answers.push([`${method} ${path}`, page.bytes, JSON.stringify([...page.headers])]);
		return page;
	};
	return client;
}
const insured = (number) => ({ 'insured.my_number': number });

test('the form: mistyped, wide, kept as a draft, sent', async () => {
	const begun = await resident.post('/procedures/long-term-care/apply', { applicant_kind: 'resident' }, { follow: false });
	const step = begun.location, n = numberOf('form');
	const mistyped = n.slice(0, 11) + ((Number(n[11]) + 1) % 10);
	assert.match((await resident.get(step)).text, /autocomplete="off"[^>]*>/);
	assert.match(words((await resident.get(step)).text), /番号法第9条第1項/, 'on what ground it is asked for');
	const wrong = await resident.submit(await resident.get(step), '/steps/1', insured(mistyped));
	assert.equal(wrong.status, 422);
	assert.match(wrong.text, /12けたの数字を、もう一度/);
	// Right, in wide digits with spaces, while something else is missing: it is not given back.
	const kept = await resident.submit(wrong, '/steps/1', insured(groups(wide(n), '　')));
	assert.equal(kept.status, 422);
	assert.match(kept.text, /登録済みです/);
	// In the wrong field: told there, and not kept with the draft.
	const misplaced = numberOf('wrong field');
	resident.shown = true;
	const told = await resident.submit(await resident.get(step), '/steps/1', { 'insured.insurer': `番号は${misplaced}` });
	assert.match(told.text, /専用の欄だけに入力/);
	resident.shown = false;
	for (const [at, body] of careSteps(numberOf('draft')).entries())
		assert.ok((await resident.postJson(step.replace(/1$/, at + 1), body)).status < 400);
	const sent = await resident.postJson(step.replace('steps/1', 'submit'), {});
	assert.equal(sent.status, 200, sent.text);
});

let id, receipt;
test('views, lists, print-outs, exports and statistics of a case', async () => {
	({ id, receipt } = await applyForCare(resident, numberOf('applied')));
	const chief = await city.as(own.chief), head = await city.as(own.head);
	for (const path of [`/applications/${id}`, '/my', '/my/readings', `/applications/${id}/receipt.pdf`]) await resident.get(path);
	for (const path of [`/staff/applications/${id}`, '/staff', '/staff?scope=all', `/staff?q=${receipt}`, '/staff/statistics', `/staff/applications/${id}/print.pdf`]) {
		await clerk.get(path);
		await clerk.json(path);
	}
	for (const form of ['csv', 'xlsx']) for (const columns of ['', '&columns=names', '&columns=values'])
		answers.push([form, (await head.get(`/staff/export.${form}?procedure=long-term-care&scope=all${columns}`)).bytes, '']);
	for (const path of ['/journal', '/journal?format=json', '/staff/records', '/staff/trail', '/staff/trail.csv']) await (await city.as('security')).get(path);
	const print = await clerk.get(`/staff/applications/${id}/print.pdf`);
	const text = pdfText(print.bytes);
	assert.match(text, /表示しません/);
	answers.push(['print', Buffer.from(text), '']);
	assert.ok((await chief.get(`/staff/applications/${id}`)).status === 200);
});

test('the counter, a correction, and the page that shows it', async () => {
	const begun = await clerk.post('/staff/counter/long-term-care', { applicant_kind: 'resident' }, { follow: false });
	for (const [at, body] of careSteps(numberOf('counter')).entries())
		assert.ok((await clerk.postJson(begun.location.replace(/1$/, at + 1), body)).status < 400);
	assert.equal((await clerk.postJson(begun.location.replace('steps/1', 'submit'), {})).status, 200);
	assert.ok((await clerk.postJson(`/staff/applications/${id}/accept`, {})).status < 400);
	assert.ok((await clerk.postJson(`/staff/applications/${id}/correction`, { field: 'insured.my_number', message: '番号をもう一度' })).status < 400);
	const page = await resident.get(`/applications/${id}/correct`), n = numberOf('mistyped correction');
	assert.equal((await resident.submit(page, '/correct', insured(n.slice(0, 11) + ((Number(n[11]) + 3) % 10)))).status, 422);
	const done = await resident.submit(page, '/correct', insured(groups(numberOf('corrected'), '-')));
	assert.equal(done.status, 200, done.text.slice(0, 500));
	clerk.shown = true;
	const shown = await clerk.postJson(`/staff/my-number/${id}`, { purpose: 'decide', reason: '照合' });
	clerk.shown = false;
	assert.equal(shown.json.my_number, numberOf('corrected'));
	await clerk.get(`/staff/applications/${id}?revision=1`);
});

test('an address with a number in it is refused, and the answer does not repeat it', async () => {
	const officer = await city.as('security');
	for (const [client, path] of [[clerk, '/staff?q='], [resident, '/procedures?q='], [officer, '/staff/trail?q='], [officer, '/staff/trail?whom='], [keep(city.client()), '/login?next=/'],
		[keep(city.client()), '/'], [clerk, '/staff/applications/'], [keep(city.client()), '/verify/'], [keep(city.client({ lang: 'en' })), '/procedures/'], [clerk, '/staff/export.csv?q=']])
		for (const spelling of [(n) => n, (n) => groups(n, '+'), (n) => encodeURIComponent(groups(wide(n), '　')), (n) => groups(n, '-')]) {
			const n = spelling(numberOf(`address ${path}`));
			for (const page of [await client.get(`${path}${n}`, { follow: false }), await client.json(`${path}${n}`, { follow: false, headers: { referer: `${city.url}/x?q=${n}` } })])
				assert.equal(page.status, 400, `${path}: ${page.status}`);
		}
	const page = await clerk.get(`/staff?q=${numberOf('address /staff?q=')}`);
	assert.match(words(page.text), /個人番号（マイナンバー）は、アドレスや検索のことばに入れないでください/);
	// A receipt number has as many digits, and is found.
	assert.equal((await clerk.get(`/staff?q=${receipt}`)).status, 200);
});

test('a number in a text, a name, a search or a file name is refused', async () => {
	const admin = await city.as('admin'), outsider = keep(city.client());
	const refused = async (what, client, path, values) => {
		const given = Object.fromEntries(Object.entries(values(numberOf(what))));
		const page = await client.post(path, given, { follow: false });
		assert.equal(page.status, 422, `${what}: ${page.status} ${page.location}`);
		const json = await client.postJson(path, given);
		assert.equal(json.status, 422, `${what} as JSON: ${json.status}`);
	};
	await refused('message', resident, `/applications/${id}/messages`, (n) => ({ text: `私の番号は${groups(n, ' ')}です` }));
	await refused('note', clerk, `/staff/applications/${id}/note`, (n) => ({ text: `番号${wide(n)}` }));
	await refused('correction message', clerk, `/staff/applications/${id}/correction`, (n) => ({ field: 'insured.my_number', message: n }));
	await refused('reason of the showing', clerk, `/staff/my-number/${id}`, (n) => ({ purpose: 'decide', reason: n }));
	await refused('reason', clerk, '/staff/reason', (n) => ({ subject: `application:${id}`, reason: n }));
	await refused('emergency', clerk, '/staff/emergency', (n) => ({ number: n, reason: '火災' }));
	await refused('look-up', admin, '/staff/residents', (n) => ({ q: n, reason: '問合せ' }));
	await refused('question', resident, '/my/readings/ask', (n) => ({ text: n }));
	await refused('sign-in name', outsider, '/login', (n) => ({ login: n, password: 'x' }));
	await refused('registration', outsider, '/register', (n) => ({ email: `${n}@example.jp`, password: 'machi-demo-2026' }));
	await refused('a member of its own', resident, '/my/readings/ask', (n) => ({ [n]: 'x', text: '' }));
	await refused('purpose of an export', await city.as(own.head), '/staff/exports/new', (n) => ({ purpose: n }));
	await refused('form without such a field', resident, `${(await resident.post('/procedures/course-signup/apply', { applicant_kind: 'resident' }, { follow: false })).location}`,
		(n) => ({ 'participant.name.family': n }));
	// A wrong password may be anything.
	await keep(city.client()).post('/login', { login: own.clerk2, password: numberOf('password') }, { follow: false });
	const file = Object.assign(new Blob(['x'], { type: 'text/plain' }), { name: `${numberOf('file name')}.txt` });
	const begun = (await resident.post('/procedures/long-term-care/apply', { applicant_kind: 'resident' }, { follow: false })).location;
	resident.shown = true; // who sent it is told by its name which file it was
	assert.equal((await resident.post(begun.replace(/1$/, '6'), { 'attachments.card': file }, { follow: false })).status, 422);
	resident.shown = false;
});

test('what programs send wrongly', async () => {
	const begun = (await resident.post('/procedures/long-term-care/apply', { applicant_kind: 'resident' }, { follow: false })).location;
	const headers = { 'content-type': 'application/json', accept: 'application/json', 'x-csrf-token': await resident.token() };
	const send = (body) => resident.request('POST', begun, { body, headers, follow: false });
	assert.equal((await send(`{"insured": {"my_number": "${numberOf('cut JSON')}"`)).status, 400);
	assert.equal((await send(`{"insured": ${numberOf('no object')} x}`)).status, 400);
	assert.equal((await send(`{"insured": {"my_number": ["${numberOf('a list')}"]}}`)).status, 422);
	assert.equal((await send(`{"insured": {"my_number": ${numberOf('as an integer')}}}`)).status, 422, 'the rest is missing');
	assert.ok((await send(`{"insured": {"colour": "${numberOf('unknown field')}"}}`)).status >= 400);
	assert.ok((await send(`{"pets": {"my_number": "${numberOf('unknown section')}"}}`)).status >= 400);
	assert.ok((await resident.request('POST', begun, { body: `x=${numberOf('no type')}`, headers: { 'content-type': 'text/plain' }, follow: false })).status >= 400);
	assert.ok((await resident.request('PUT', begun, { body: `{"a": "${numberOf('wrong method')}"}`, headers, follow: false })).status >= 400);
});

test('nothing that the server wrote has one of them', async () => {
	// A job that fails: the mail server is gone.
	city.mailbox.server.close();
	assert.ok((await clerk.postJson(`/staff/applications/${id}/message`, { text: '確認しました' })).status < 400);
	await until(() => /notice|job/.test(city.log()), 'a job');
	city.cli('backup', join(work, 'backup'));
	const log = city.log();
	assert.match(log, /"text":"\/staff\/applications\/\*{12}/, 'the log is at its most talkative, and says what was hidden');
	if (city.process.spawnfile && !/build-test/.test(city.process.spawnfile)) {
		const before = cores();
		assert.ok(['SIGSEGV', 139].includes(await city.kill('SIGSEGV')));
		assert.deepEqual(cores(), before, 'no core');
	} else await city.kill('SIGKILL');
	const texts = answers.flatMap(([what, bytes, headers]) => [[what, bytes], [`head of ${what}`, Buffer.from(headers)]]);
	texts.push(['mails', Buffer.from(JSON.stringify([city.mailbox.mails, city.mailbox.lines]))]);
	const walk = (dir) => {
		for (const entry of existsSync(dir) ? readdirSync(dir, { withFileTypes: true }) : [])
			if (entry.isDirectory()) walk(join(dir, entry.name));
			else if (entry.isFile()) texts.push([join(dir, entry.name), readFileSync(join(dir, entry.name))]);
	};
	walk(city.dir);
	walk(work);
	if (storeKind === 'postgres') {
		texts.push(['pg_dump', execFileSync('pg_dump', [city.storeUrl], { maxBuffer: 1 << 30 })]);
		const home = new URL(city.storeUrl).searchParams.get('host'), { mtimeMs } = statSync(work);
		for (const dir of [join(home, 'data/pg_wal'), home]) for (const name of readdirSync(dir)) {
			const file = join(dir, name), state = statSync(file);
			if (state.isFile() && state.mtimeMs > mtimeMs) texts.push([file, readFileSync(file)]);
		}
	}
	assert.ok(texts.length > 100, `${texts.length} texts`);
	for (const [name, bytes] of [...texts])
		if (bytes[0] === 0x1f && bytes[1] === 0x8b) texts.push([`${name} unpacked`, gunzipSync(bytes)]);
		else if (bytes[0] === 0x50 && bytes[1] === 0x4b && /xlsx/.test(name)) texts.push([`${name} unpacked`, execFileSync('python3', ['-c',
			'import io, sys, zipfile\nz = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\nfor n in z.namelist(): sys.stdout.buffer.write(z.read(n))'], { input: bytes })]);
	const found = [];
	for (const [what, n] of numbers) for (const spelling of spellings(n)) for (const [name, bytes] of texts)
		if (bytes.includes(spelling)) found.push(`${what} (${spelling}) in ${name}`);
	assert.deepEqual(found, []);
	// The search finds what is there.
	assert.ok(texts.some(([, bytes]) => bytes.includes(receipt)));
	rmSync(city.dir, { recursive: true, force: true });
	city.mailbox.close();
});
