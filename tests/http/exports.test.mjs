// Exports of many people: asked for by one, approved by another, fetched once, and known again when they leak.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, machi } from '../lib/city.mjs';
import { readCsv, readXlsx } from '../lib/tables.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const city = await City.start({ mail: true, settings: ['--export-people', '2'] });
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp'), officer = await city.as('security');
const own = await city.office(office), head = await city.as(own.head), division = await city.as(own.division);
await city.giveMail(own.division, 'division@example.jp');
await city.giveMail(own.head, 'head@example.jp');
for (let i = 0; i < 3; i++) await applyByJson(resident);
const query = 'procedure=dog-registration&scope=all';
const idOf = (page) => Number(/exports\/(\d+)/.exec(page.url ?? page.location)[1]);

async function ask(format = 'csv') {
	const form = await head.get(`/staff/export.${format}?${query}`);
	assert.match(form.url, /\/staff\/exports\/new\?procedure=dog-registration/);
	return head.submit(form, '/staff/exports/new', { purpose: '統計のため <b>' });
}
const approve = async (id) => division.submit(await division.get(`/staff/exports/${id}`), '/approve', { comment: '了承' });

test('few people at once, many only after somebody else approved; then once', async () => {
	const few = await head.get('/staff/export.csv?procedure=long-term-care&scope=all&from=2000-01-01&until=2000-01-02');
	assert.match(few.headers.get('content-type'), /text\/csv/);
	const program = await head.json(`/staff/export.csv?${query}`, { follow: false });
	assert.equal(program.status, 403);
	assert.match(program.location, /\/staff\/exports\/new/);

	const form = await head.get(`/staff/export.csv?${query}`);
	const empty = await head.submit(form, '/staff/exports/new', { purpose: ' ' });
	assert.equal(empty.status, 422);
	assert.match(empty.text, /目的を入力してください/);
	const page = await ask(), id = idOf(page), path = `/staff/exports/${id}`;
	const { export: asked } = (await head.json(path)).json;
	assert.ok(asked.people >= 3);
	assert.equal(asked.state, 'waiting');
	await city.mailbox.find('division@example.jp', /staff\/exports/);

	// Not by oneself, not by who has no such right, not before it is approved.
	assert.equal((await head.postJson(`${path}/approve`, { comment: 'x' })).status, 403);
	assert.equal((await (await city.as(own.clerk)).get(path)).status, 403);
	const elsewhere = await city.as((await city.office('道路管理課')).head);
	assert.equal((await elsewhere.get(path)).status, 404);
	assert.equal((await elsewhere.postJson(`${path}/approve`, { comment: 'x' })).status, 404);
	assert.equal((await head.get(`${path}.csv?${asked.query}`)).status, 409);
	assert.ok((await division.json('/staff/exports')).json.lists[0].rows.some((row) => row.id === id));
	assert.equal((await division.postJson(`${path}/approve`, { comment: '' })).status, 422);
	assert.equal((await approve(id)).status, 200);
	assert.equal((await division.postJson(`${path}/refuse`, { comment: 'x' })).status, 409);
	const told = await city.mailbox.find('head@example.jp', new RegExp(`staff/exports/${id}`));
	assert.match(told.input, /承認しました/);
	assert.ok(!told.input.includes('統計のため') && !told.input.includes('了承'), 'the mail names neither purpose nor comment');

	const { export: approved } = (await head.json(path)).json;
	assert.equal((await division.get(approved.file)).status, 404, 'only who asked');
	assert.equal((await head.get(`${path}.csv?scope=all`)).status, 404, 'only what was asked for');
	const csv = await head.get(approved.file);
	assert.equal(csv.status, 200);
	const rows = readCsv(csv.text), heading = Object.keys(rows[0]).at(-1);
	assert.ok(heading.includes(approved.mark) && heading.includes('統計のため'), heading);
	assert.ok(rows.length >= 3 && rows.every((row) => row[heading] === approved.mark));
	assert.equal((await head.get(approved.file)).status, 409, 'once');
	assert.equal((await head.json(path)).json.export.state, 'fetched');
	const [note] = (await officer.json(`/staff/trail?kind=export&who=${own.head}`)).json.readings;
	assert.deepEqual([note.count, note.reason, note.subject], [approved.people, '統計のため <b>', `export:${approved.mark}`]);
});

test('a file that leaked, or a line of it, names its export', async () => {
	const file = new Map();
	for (const format of ['csv', 'xlsx']) {
		const id = idOf(await ask(format));
		await approve(id);
		const { export: approved } = (await head.json(`/staff/exports/${id}`)).json;
		file.set(approved.mark, await head.get(approved.file));
	}
	for (const [mark, { bytes, headers }] of file) {
		const leaked = Object.assign(new Blob([bytes]), { name: 'leak' });
		const page = await officer.post('/staff/exports/identify', { file: leaked, mark: '' }, { headers: { accept: 'application/json' } });
		assert.equal(page.json.found, true, headers.get('content-type'));
		assert.equal(page.json.export.mark, mark);
		if (/sheet/.test(headers.get('content-type'))) assert.equal(readXlsx({ bytes }).at(1).at(-1).value, mark);
		assert.match((await officer.post('/staff/exports/identify', { mark: `山田,,${mark}` })).text, new RegExp(mark));
	}
	// The same at the command line, for whoever holds the file.
	const command = (bytes) => {
		writeFileSync(join(city.dir, 'leak'), bytes);
		return spawnSync(machi, ['export-mark', '--data', city.dir, join(city.dir, 'leak')], { env: city.env, encoding: 'utf8' });
	};
	const { name } = (await (await city.as('admin')).json(`/staff/users?q=${own.head}`)).json.users.find((u) => u.login === own.head);
	for (const [mark, { bytes }] of file) {
		const said = command(bytes);
		assert.equal(said.status, 0, said.stderr);
		for (const word of [mark, name, '統計のため']) assert.ok(said.stdout.includes(word), said.stdout);
	}
	for (const [bytes, word] of [['X-000000000000', /not an export of this city/], ['名前,住所\n', /no mark/]]) {
		const said = command(bytes);
		assert.equal(said.status, 3, said.stderr);
		assert.match(said.stdout, word);
	}
	for (const mark of ['', 'X-000000000000', 'X-7K2M', 'PK\u0003\u0004']) assert.match((await officer.post('/staff/exports/identify', { mark })).text, /見つかりませんでした/);
	const broken = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(40, 8), Buffer.alloc(200, 255)]);
	const page = await officer.post('/staff/exports/identify', { file: Object.assign(new Blob([broken]), { name: 'x' }), mark: '' });
	assert.match(page.text, /見つかりませんでした/);
});

test('what was refused is not to be had, and all of it is proven by the journal', async () => {
	const id = idOf(await ask());
	const page = await division.get(`/staff/exports/${id}`), mails = new RegExp(`staff/exports/${id}`);
	assert.equal((await division.post(`/staff/exports/${id}/refuse`, { comment: '目的が分からない' })).status, 200);
	assert.match(page.text, /formaction/);
	assert.match((await city.mailbox.find('head@example.jp', mails)).input, /承認しませんでした/);
	const { export: refused } = (await head.json(`/staff/exports/${id}`)).json;
	assert.deepEqual([refused.state, refused.comment, 'file' in refused], ['refused', '目的が分からない', false]);
	assert.equal((await head.get(`/staff/exports/${id}.csv?${refused.query}`)).status, 409);
	assert.match((await head.get('/en/staff/exports')).text, /Refused/);
	assert.equal(await city.kill(), 0);
	assert.match(city.cli('verify'), /problems: 0/);
	await city.serve();
});
