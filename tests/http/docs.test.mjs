// The examples of the documentation do what the documentation says.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machi } from '../lib/city.mjs';

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

test('a mistake in it is named with line and remedy', () => {
	const [whole] = blocks('docs/writing-a-procedure.md');
	const run = check(whole.replace('required: true, prefill', 'requierd: true, prefill'));
	assert.equal(run.status, 3);
	assert.match(run.stdout, /bicycle-permit\.yaml:\d+:\d+: /);
	assert.match(run.stdout, /required/);
});

test('every command has its help, and the README names real ones', () => {
	const list = execFileSync(machi, ['--help'], { encoding: 'utf8' });
	for (const name of ['serve', 'init', 'migrate', 'check', 'user', 'backup', 'restore', 'verify', 'version']) {
		assert.match(list, new RegExp(`^  ${name} `, 'm'));
		const help = execFileSync(machi, [name, '--help'], { encoding: 'utf8' });
		assert.match(help, new RegExp(`^usage: machi ${name}`));
		assert.match(help, /--data DIR/);
		assert.equal(/--smtp-url/.test(help.split('Settings:')[1]), name === 'serve', name);
	}
	assert.equal(spawnSync(machi, ['nonsense']).status, 2);
});
