// Stores that former programs wrote (tests/stores): this one brings them up to date and goes on with them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, newDatabase, storeKind } from '../lib/city.mjs';
import { applyByJson } from '../lib/dog.mjs';
import { unpack, versions } from '../lib/old-store.mjs';

for (const version of versions) test(`the store of schema ${version}`, async (t) => {
	const dir = mkdtempSync(join(tmpdir(), 'machi-old-'));
	const url = storeKind === 'postgres' ? newDatabase() : 'sqlite:store.db';
	const city = Object.assign(new City(), { dir, env: { ...process.env, MACHI_STORE: url }, settings: [] });
	t.after(() => city.process?.kill('SIGKILL'));
	unpack(version, dir, url);

	// Commands that look do not change the schema; they say what to do.
	assert.throws(() => city.cli('verify'), /schema steps are missing; run: machi migrate/);
	assert.match(city.cli('migrate'), /1 city is up to date/);
	const report = city.cli('verify');
	assert.match(report, /^problems: 0$/m);
	assert.ok(Number(/^entries: (\d+)$/m.exec(report)[1]) > 600, 'the journal is still there');

	// What was sealed with key files is sealed anew, and the former keys are destroyed.
	assert.ok(!existsSync(join(dir, 'demo/keys/my-number.key')), 'in the store now');
	assert.match(city.cli('keys', 'rotate'), /application\.my_number: sealed anew/);
	assert.doesNotMatch(city.cli('keys'), /  old  /);
	assert.match(city.cli('verify'), /^problems: 0$/m);

	await city.serve();
	const resident = await city.client().login('resident1@example.jp');
	const clerk = (await city.office('生活衛生課')).clerk;
	const inbox = (await (await city.as(clerk)).json('/staff?view=all')).json;
	assert.ok(inbox, 'the inbox opens');
	// The index was made anew: one character is found inside a word, too.
	const assessor = await city.as((await city.office('資産税課')).clerk);
	const found = async (q) => (await assessor.json(`/staff?q=${encodeURIComponent(q)}`)).json.rows.map((r) => r.href);
	const words = await found('罹災');
	assert.ok(words.length > 0, 'the former applications are found');
	assert.deepEqual(await found('災'), words);
	const head = (await city.client().json('/journal/head')).json;
	const { id, receipt } = await applyByJson(resident);
	assert.equal((await resident.json(`/applications/${id}`)).json.application.number, receipt);
	// The tree of the former program is the beginning of this one's.
	const proof = await city.client().json(`/journal/consistency?from=600&to=${head.size}`);
	assert.equal(proof.status, 200, proof.text);
	await city.stop();
	city.code = undefined;
});
