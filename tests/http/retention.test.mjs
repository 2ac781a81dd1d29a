// Files whose retention period has ended: listed, proposed, approved by a second person, disposed of.
import test from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { City, until, words } from '../lib/city.mjs';

const city = await City.start({ mail: true });
test.after(() => city.stop());
const records = await city.as('records'), second = await city.as('records2');
const due = async (query = '') => (await records.json(`/staff/records${query}`)).json.rows;
const disposal = async (id) => (await second.json(`/staff/records/disposals/${id}`)).json.disposal;
const done = (id) => until(async () => (await disposal(id)).state === 'done', `disposal ${id}`);
const idOf = (path) => Number(/disposals\/(\d+)/.exec(path)[1]);

test('the list: filters, pages as data, who may see it', async () => {
	const all = await due();
	assert.ok(all.length >= 6, `${all.length} files`);
	for (const row of all) assert.ok(row.free && row.years === 1 && row.kept_until < new Date().toISOString().slice(0, 10), JSON.stringify(row));
	const one = await due(`?department=${all[0].department}&procedure=${all[0].procedure}`);
	assert.ok(one.length > 0 && one.length < all.length && one.every((row) => row.department === all[0].department));
	assert.equal((await due('?years=5')).length, 0);
	assert.equal((await due(`?year=${all[0].kept_until.slice(0, 4)}`)).length, all.length);
	const page = await records.get('/en/staff/records');
	assert.ok(words(page.text).includes('Files whose retention period has ended'));
	const csv = (await records.get('/staff/records.csv')).text.trim().split('\r\n');
	assert.match(csv[0], /受付番号,到達番号,手続,担当課,状態/);
	assert.match((await records.get('/staff/records.csv?columns=names')).text, /serial,number,procedure,title/);
	assert.equal(csv.length, all.length + 1);
	for (const login of ['clerk1-1', 'operator', 'admin', 'auditor']) assert.equal((await (await city.as(login)).get('/staff/records')).status, 403, login);
	assert.equal((await (await city.as('resident1@example.jp')).get('/staff/records')).status, 403);
	assert.equal((await city.client().get('/staff/records', { follow: false })).status, 303);
});

test('bad input: the list comes back with what was typed', async () => {
	const [row] = await due();
	let page = await records.submit(await records.get('/staff/records'), '/staff/records', { kind: 'extend', reason: '監査があるため' });
	assert.equal(page.status, 422);
	assert.ok(page.text.includes('監査があるため') && page.text.includes('href="#id"'), 'no file was chosen');
	page = await records.submit(await records.get('/staff/records'), '/staff/records', { id: String(row.id), kind: 'extend', until: '2020-01-01', reason: '監査' });
	assert.equal(page.status, 422);
	assert.ok(page.text.includes('href="#until"'));
	page = await records.submit(await records.get('/staff/records'), '/staff/records', { id: '999999', kind: 'dispose', reason: 'x' });
	assert.equal(page.status, 409);
	assert.equal((await records.postJson('/staff/records', { id: [row.id], kind: 'burn', reason: 'x' })).status, 422);
	assert.ok((await due()).every((r) => r.free));
});

test('a second person approves; then nothing is left but the record', async () => {
	const [target, ...others] = await due();
	const rows = [target, ...others.filter((row) => row.department === target.department)];
	await city.why('records', target.id, '廃棄前の確認');
	const before = (await records.json(`/staff/applications/${target.id}`)).json;
	await until(async () => (await records.json(`/staff/applications/${target.id}`)).json.documents.length > 0 || before.application.outcome !== 'granted', 'its document');
	const { documents } = (await records.json(`/staff/applications/${target.id}`)).json;
	await city.giveMail('records2', 'records2@city.example');
	let page = await records.submit(await records.get('/staff/records'), '/staff/records', { id: rows.map((row) => String(row.id)), kind: 'dispose', reason: '保存期間の満了' });
	const id = idOf(page.url);
	await city.mailbox.find('records2@city.example', new RegExp(`あなたの承認を待っています[\\s\\S]*/staff/records/disposals/${id}\\s`));
	assert.equal((await disposal(id)).files, rows.length);
	assert.ok(!page.text.includes('/approve'), 'not one\'s own');
	assert.equal((await records.post(`/staff/records/disposals/${id}/approve`)).status, 403);
	page = await second.submit(await second.get(`/staff/records/disposals/${id}`), '/approve', {}, { loose: true });
	assert.equal(page.status, 200);
	await done(id);
	const view = await disposal(id);
	assert.match(view.number, /^\d{4}-\d{4}$/);
	assert.deepEqual([view.progress.done, view.progress.left, view.progress.percent], [rows.length, 0, 100]);
	assert.equal((await second.post(`/staff/records/disposals/${id}/approve`)).status, 409);

	page = await records.get(`/staff/applications/${target.id}`);
	assert.equal(page.status, 410);
	assert.ok(words(page.text).includes(view.number) && !page.text.includes(before.application.applicant.name));
	assert.ok(!(await due()).some((row) => row.id === target.id));
	for (const query of [target.number, target.serial, before.application.applicant.name])
		assert.ok(!(await records.get(`/staff?scope=all&q=${encodeURIComponent(query)}`)).text.includes(`/staff/applications/${target.id}"`), query);
	assert.ok(!(await records.get('/staff/export.csv?scope=all')).text.includes(target.number));
	const csv = (await second.get(`/staff/records/disposals/${id}.csv`)).text;
	assert.ok(csv.includes(target.serial) && csv.includes(target.kept_until));
	// The register of documents stays: a paper copy can still be checked, the file is gone.
	for (const { code } of documents) {
		assert.equal((await records.get(`/documents/${code}.pdf`)).status, 404);
		const checked = (await city.client().json(`/verify/${code}`)).json;
		assert.ok(checked.document.valid && !checked.document.kept && checked.entries.length > 0);
	}
});

test('the applicant sees until when it was kept, and when it was disposed of', async () => {
	let found;
	for (let i = 1; i <= 20 && !found; i++) {
		const resident = await city.as(`resident${i}@example.jp`);
		const my = (await resident.json('/my')).json;
		if (my.disposed.length) found = { resident, item: my.disposed[0] };
		const [open] = my.done.filter((a) => a.state === 'closed');
		if (open) assert.match((await resident.json(`/applications/${open.id}`)).json.application.kept_until, /^\d{4}-03-31$/);
		if (open) assert.match((await resident.get(`/applications/${open.id}`)).text, /<dd>\d{4}年3月31日までです/);
	}
	assert.ok(found, 'somebody had one');
	assert.match(words((await found.resident.get('/my')).text), /保存期間の満了日/);
	const page = await found.resident.get(`/applications/${found.item.application}`);
	assert.equal(page.status, 410);
	assert.ok(!page.text.includes('記録番号'), 'names of staff stay inside');
	const other = await city.client().login('resident20@example.jp');
	const theirs = (await other.json('/my')).json.disposed.map((i) => i.application);
	if (!theirs.includes(found.item.application)) assert.equal((await other.get(`/applications/${found.item.application}`)).status, 404);
});

test('extension of all that fit, department by department; held files stay', async () => {
	const rows = await due();
	assert.ok(rows.length > 1);
	const held = rows[0];
	const people = await city.office(held.department_name);
	const clerk = await city.as(people.clerk);
	await city.why(people.clerk, held.id);
	await clerk.submit(await clerk.get(`/staff/applications/${held.id}`), '/hold', { reason: '訴訟のため' });
	assert.equal((await due()).find((row) => row.id === held.id).why_key, 'disposal.why.held');
	const next = `${new Date().getFullYear() + 2}-03-31`;
	const page = await records.submit(await records.get('/staff/records'), '/staff/records', { all: '1', kind: 'extend', until: next, reason: '評価選別のため' });
	assert.equal(page.status, 200);
	const waiting = (await second.json('/staff/records/disposals')).json.rows;
	assert.equal(waiting.reduce((n, d) => n + d.files, 0), rows.length - 1);
	for (const { id } of waiting) {
		await second.submit(await second.get(`/staff/records/disposals/${id}`), '/approve', { comment: '了承' });
		await done(id);
	}
	assert.deepEqual((await due()).map((row) => row.id), [held.id]);
	await city.why('records', rows[1].id);
	const kept = (await records.json(`/staff/applications/${rows[1].id}`)).json;
	assert.equal(kept.application.retention.disposal_on, next);
	assert.ok(kept.history.some((e) => e.event === 'retention_extended'));
});

test('a department\'s head approves what its chief proposes, and nobody else\'s', async () => {
	const [row] = await due();
	const people = await city.office(row.department_name);
	const clerk = await city.as(people.clerk), chief = await city.as(people.chief), head = await city.as(people.head);
	await city.why(people.clerk, row.id);
	await clerk.submit(await clerk.get(`/staff/applications/${row.id}`), '/hold');
	let page = await chief.submit(await chief.get('/staff/records'), '/staff/records', { id: String(row.id), kind: 'dispose', reason: '満了' });
	const id = idOf(page.url);
	assert.equal((await chief.post(`/staff/records/disposals/${id}/approve`)).status, 403);
	const stranger = await city.as((await city.office(row.department_name === '市民課' ? '生活衛生課' : '市民課')).head);
	assert.equal((await stranger.get(`/staff/records/disposals/${id}`)).status, 404);
	assert.equal((await stranger.post(`/staff/records/disposals/${id}/approve`)).status, 404);
	page = await head.post(`/staff/records/disposals/${id}/refuse`, { comment: '' });
	assert.equal(page.status, 422);
	page = await head.post(`/staff/records/disposals/${id}/refuse`, { comment: 'もう少し待つ' });
	assert.equal(page.status, 200);
	assert.ok((await due())[0].free);
});

test('afterwards the store fits its journal, is backed up and comes back', async () => {
	assert.match(city.cli('verify'), /^problems: 0$/m);
	const other = city.restored(join(city.dir, 'copy'));
	try {
		assert.match(other.cli('verify'), /^problems: 0$/m);
	} finally {
		rmSync(other.dir, { recursive: true, force: true });
	}
});
