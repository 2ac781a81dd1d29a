// The program as it is installed: how it was built, and what it may still do while it serves. The other tests run
// with sanitizers, which need rights that the server gives up.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, machi, until } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const readelf = (...words) => execFileSync('readelf', ['-W', ...words, machi], { encoding: 'utf8' });
// What this kernel has: a filter that cannot be read is EFAULT (14) where there are filters.
const hasFilters = execFileSync('python3', ['-c', 'import ctypes; c = ctypes.CDLL(None, use_errno=True); c.prctl(22, 2, None); print(ctypes.get_errno())'], { encoding: 'utf8' }).trim() === '14';
const parent = (pid) => { try { return status(pid).PPid; } catch { return ''; } }; // it may have ended
const status = (pid) => Object.fromEntries(readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n').map((line) => line.split(/:\s*/)));

test('the binary is position-independent, its tables are read-only, stack and heap hold no code', () => {
	assert.match(readelf('-h'), /Type:\s+DYN \(Position-Independent Executable/);
	const segments = readelf('-l'), dynamic = readelf('-d'), symbols = readelf('--dyn-syms');
	assert.match(segments, /GNU_RELRO/);
	assert.match(segments, /GNU_STACK\s+0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ RW /);
	assert.doesNotMatch(segments, / RWE /, 'no segment is written and executed');
	assert.match(dynamic, /BIND_NOW/);
	assert.match(dynamic, /Flags:.*NOW.*PIE/);
	assert.doesNotMatch(dynamic, /RPATH|RUNPATH/);
	assert.match(symbols, /__stack_chk_fail/);
	assert.match(symbols, /__(mem|str|vsn|sn)\w*_chk/, 'bounds are checked by the C library');
});

// The main job to its end: an application is decided, and its document drawn by a worker.
async function useIt(city) {
	const resident = await city.as('resident1@example.jp');
	const { id } = await applyByJson(resident);
	const { clerk, clerk2, chief, head } = await city.office(office);
	for (const [login, verb, values] of [[clerk, 'accept', {}], [clerk, 'draft', { outcome: 'granted' }], [chief, 'route', { action: 'approve' }],
		[clerk2, 'payment', { yen: '3000', method: 'cash' }]]) {
		const answer = await (await city.as(login)).postJson(`/staff/applications/${id}/${verb}`, values);
		assert.ok(answer.status < 400, `${verb}: ${answer.text}`);
	}
	const paper = await until(async () => (await resident.json(`/applications/${id}`)).json.documents[0], 'the document');
	assert.equal((await resident.get(paper.href)).headers.get('content-type'), 'application/pdf');
	assert.equal((await (await city.as(head)).get('/staff/export.xlsx')).status, 200);
}

function assertConfined(pid) {
	const s = status(pid);
	assert.equal(s.NoNewPrivs, '1');
	if (hasFilters) assert.equal(s.Seccomp, '2', 'a filter for system calls');
	assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max core file size\s+0\s+0/);
	const rwx = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter((line) => / rwx/.test(line));
	assert.deepEqual(rwx, []);
	for (const thread of hasFilters ? readdirSync(`/proc/${pid}/task`) : []) // none was begun before the fence
		assert.match(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'), /Seccomp:\s+2/);
}

for (const store of ['sqlite', 'postgres'])
	test(`on ${store}: the server is fenced in, and everything works`, async () => {
		const city = await City.start({ store });
		try {
			assertConfined(city.process.pid);
			assert.match(city.log(), /serve\.confined/);
			await useIt(city);
			const workers = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && parent(pid) === String(city.process.pid));
			assert.ok(workers.length > 0);
			for (const pid of hasFilters ? workers : []) {
				assert.equal(status(pid).Seccomp, '2');
				assert.equal(status(pid).Seccomp_filters, '2', "the server's and its own");
			}
		} finally {
			await city.stop();
		}
	});

test('started as root, it becomes the owner of the data', { skip: process.getuid() !== 0 && 'needs root' }, async () => {
	const dir = mkdtempSync(join(tmpdir(), 'machi-owned-'));
	const city = Object.assign(new City(), { dir, storeUrl: 'sqlite:store.db', env: { ...process.env }, settings: [] });
	try {
		city.cli('init', '--demo-size', '40');
		execFileSync('chown', ['-R', 'nobody', dir]);
		await city.serve();
		const s = status(city.process.pid), { uid } = statSync(dir);
		assert.notEqual(uid, 0);
		assert.deepEqual(s.Uid.split('\t'), Array(4).fill(String(uid)));
		assert.equal(BigInt(`0x${s.CapEff}`) | BigInt(`0x${s.CapPrm}`), 0n, 'no capability is left');
		assertConfined(city.process.pid);
		await useIt(city);
		await city.kill();
		// A port that only root may bind, and another user than the owner: the data is not theirs.
		city.settings = ['--user', 'daemon'];
		await assert.rejects(city.serve(), /serve stopped with 1/);
	} finally {
		if (city.code === undefined) await city.kill();
		rmSync(dir, { recursive: true, force: true });
	}
});
