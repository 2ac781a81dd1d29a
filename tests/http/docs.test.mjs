// The examples of the documentation do what the documentation says.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, machi } from '../lib/city.mjs';

const blocks = (file) => [...readFileSync(file, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => m[1]);

function check(yaml) {
	const dir = mkdtempSync(join(tmpdir(), 'machi-docs-'));
	const file = join(dir, 'bicycle-permit.yaml');
	writeFileSync(file, yaml);
	const run = spawnSync(machi, ['check', file], { encoding: 'utf8' });
	rmSync(dir, { recursive: true });
	return run;
}

test('the worked example passes machi check', () => {
	const [whole] = blocks('docs/writing-a-procedure.md');
	const run = check(whole);
	assert.equal(run.stdout, '0 problems\n');
	assert.equal(run.status, 0);
});

test('with everything that the example adds it passes, too', () => {
	const [whole, fee, asked, route, documents] = blocks('docs/writing-a-procedure.md');
	const [field, files] = asked.split(/^(?=attachments:)/m);
	const all = whole.replace(/^route:\n[\s\S]*?(?=^retention:)/m, () => route + documents + fee + files).replace(/^.*id: student.*\n/m, (line) => line + field);
	for (const key of ['fee:', 'effects:', 'attachments:', 'documents:', '      - {id: school', '      delegated:']) assert.match(all, new RegExp(`^${key}`, 'm'));
	assert.equal(check(all).stdout, '0 problems\n');
});

test('a mistake in it is named with line and remedy', () => {
	const [whole] = blocks('docs/writing-a-procedure.md');
	const run = check(whole.replace('required: true, prefill', 'requierd: true, prefill'));
	assert.equal(run.status, 3);
	assert.match(run.stdout, /bicycle-permit\.yaml:\d+:\d+: /);
	assert.match(run.stdout, /required/);
});

test('every command has its help, and the README names real ones', () => {
	const list = execFileSync(machi, ['--help'], { encoding: 'utf8' });
	for (const name of ['serve', 'init', 'migrate', 'check', 'user', 'backup', 'restore', 'verify', 'version', 'rights']) {
		assert.match(list, new RegExp(`^  ${name} `, 'm'));
		const help = execFileSync(machi, [name, '--help'], { encoding: 'utf8' });
		assert.match(help, new RegExp(`^usage: machi ${name}`));
		assert.match(help, /--data DIR/);
		assert.equal(/--smtp-url/.test(help.split('Settings:')[1]), name === 'serve', name);
	}
	assert.equal(spawnSync(machi, ['nonsense']).status, 2);
});

test('the calls of docs/api.md work as they stand there', async () => {
	const city = await City.start();
	test.after(() => city.stop());
	const resident = await city.as('resident1@example.jp');
	const page = await resident.post('/account/tokens', { name: 'robot', scope: 'write', days: '7', password: 'machi-demo-2026' });
	const env = { ...process.env, CITY: city.url, TOKEN: page.text.match(/machi_[\w-]{43}/)[0] };
	const script = [...readFileSync('docs/api.md', 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map((m) => m[1]).join('');
	const run = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', script], { env, encoding: 'utf8' });
	assert.equal(run.status, 0, run.stdout + run.stderr);
	// A command says what it did, and not what it loaded for that.
	assert.equal(spawnSync(machi, ['user', 'list', '--data', city.dir], { env: city.env, encoding: 'utf8' }).stderr, '');
	assert.match(run.stdout, /"receipt_number":"[^"]+"\n"state":"submitted"\n/);
});
