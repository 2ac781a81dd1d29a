// The disk that holds the store is full: what is refused says so and leaves nothing behind, what was
// acknowledged is there, and when there is room again the service goes on by itself.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, root, storeKind, words } from '../lib/city.mjs';
import { dog, idOf, nested, owner, place } from '../lib/dog.mjs';

const disk = mkdtempSync(join(tmpdir(), 'machi-disk-'));
const postgres = storeKind === 'postgres';
const filling = join(disk, 'filling');

function mountSmallDisk() {
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${postgres ? 160 : 32}m,mode=0755`, 'machi-test', disk], { stdio: 'pipe' });
		return true;
	} catch {
		rmdirSync(disk);
		return false;
	}
}

const cluster = (command, options = '') => execFileSync('bash', ['-c', `. tests/lib/postgres.sh; ${command}`],
	{ cwd: root, encoding: 'utf8', env: { ...process.env, POSTGRES_PARENT: disk, POSTGRES_OPTIONS: options } }).trim();

// Takes all room there is.
function fill() {
	assert.throws(() => execFileSync('dd', ['if=/dev/zero', `of=${filling}`, 'bs=4k'], { stdio: 'pipe' }), /No space left/);
}

const full = '保存する場所がいっぱいのため、保存できませんでした。';

test('a full disk', { timeout: 180000, skip: mountSmallDisk() ? false : 'a small disk cannot be mounted here' }, async (t) => {
	const pg = join(tmpdir(), `machi-disk-${process.pid}`);
	let city;
	t.after(async () => {
		await city?.stop();
		if (postgres) cluster(`postgres_stop ${pg}`);
		execFileSync('umount', ['--lazy', disk]); // a worker of the server may end a moment after it
		rmdirSync(disk);
	});
	city = await City.start(postgres ? { storeUrl: cluster(`postgres_start ${pg}`, '-c max_wal_size=32MB -c min_wal_size=32MB') }
		: { dir: mkdtempSync(join(disk, 'city-')) });
	const resident = await city.as('resident1@example.jp');
	const drafts = [];
	for (let i = 0; i < 6; i++) {
		const id = idOf((await resident.postJson('/procedures/dog-registration/apply', {})).location);
		for (const [step, answers] of [[1, owner], [2, dog], [3, place], [4, {}]]) assert.ok((await resident.postJson(`/applications/${id}/steps/${step}`, nested(answers))).status < 300);
		drafts.push(id);
	}

	fill();
	// What room is left inside the database's own files is used up soon.
	const acknowledged = [];
	let refused = 0;
	while (refused < 3) {
		const begun = await resident.postJson('/procedures/dog-registration/apply', {});
		const id = begun.status < 300 ? idOf(begun.location) : undefined;
		const answers = [begun];
		for (const [step, given] of [[1, owner], [2, dog], [3, place], [4, {}]]) if (id) answers.push(await resident.postJson(`/applications/${id}/steps/${step}`, nested(given)));
		if (answers.every(({ status }) => status < 300)) answers.push(await resident.postJson(`/applications/${id}/submit`, {}));
		const bad = answers.filter(({ status }) => status >= 300);
		for (const { status, text, headers } of bad) {
			assert.equal(status, 500, text);
			assert.equal(headers.get('content-type'), 'application/problem+json');
			assert.equal(JSON.parse(text).code, 'store.full');
		}
		if (bad.length) refused++;
		else acknowledged.push([id, answers.at(-1).json.receipt_number]);
		assert.ok(acknowledged.length < 1000, 'the disk is not full');
	}
	// A person reads it on a page; a program in a problem document. (A checkpoint of PostgreSQL may give some room
	// back meanwhile: what is taken then is acknowledged like the rest.)
	let page, left = drafts;
	while ((page = await resident.submit(await resident.get(`/applications/${left[0]}/confirm`), '/submit', {}, { follow: false })).status < 400) {
		acknowledged.push([left[0], (await resident.json(`/applications/${left[0]}`)).json.application.number]);
		left = left.slice(1);
		assert.ok(left.length, 'the disk is not full');
	}
	assert.equal(page.status, 500);
	assert.ok(words(page.text).includes(full), words(page.text));
	assert.match(page.headers.get('content-type'), /^text\/html/);
	for (const id of left) {
		const answer = await resident.postJson(`/applications/${id}/submit`, {});
		if (answer.status < 300) {
			acknowledged.push([id, answer.json.receipt_number]);
			left = left.filter((other) => other !== id);
			continue;
		}
		assert.equal(answer.status, 500, answer.text);
		assert.ok(answer.json.detail.startsWith(full));
	}
	// Reading goes on, and nothing is half done.
	for (const id of left) assert.equal((await resident.json(`/applications/${id}/confirm`, { follow: false })).status, 200, 'still a draft');
	assert.equal((await city.client().get('/procedures')).status, 200);

	rmSync(filling);
	for (const id of left) {
		const sent = await resident.postJson(`/applications/${id}/submit`, {});
		assert.ok(sent.status < 300, sent.text);
		acknowledged.push([id, sent.json.receipt_number]);
	}
	for (const [id, receipt] of acknowledged) {
		const { application } = (await resident.json(`/applications/${id}`)).json;
		assert.equal(application.state, 'submitted');
		assert.equal(application.number, receipt);
	}
	assert.equal(new Set(acknowledged.map(([, receipt]) => receipt)).size, acknowledged.length);
	assert.match(city.cli('verify'), /^problems: 0$/m);
});
