// Keys: which protects what, new ones while applications come in, and where the master key is.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, machi, until } from '../lib/city.mjs';
import { applyForCare, careOffice, individualNumber, mayHandle, sure } from '../lib/care.mjs';

const numbers = ['98765432101', '98765432102', '98765432103', '98765432104', '98765432105', '98765432106'].map(individualNumber);
const purpose = 'application.my_number';
let city, resident, operator, own, clerk, first;

before(async () => {
	city = await City.start({ settings: ['--trail-mass-number', '100'] });
	resident = await city.as('resident1@example.jp');
	operator = await city.as('operator');
	own = await city.office(careOffice);
	await mayHandle(city, own.clerk);
	clerk = await sure(city, own.clerk);
	first = (await applyForCare(resident, numbers[0])).id;
});
after(() => city?.stop());

const keys = () => join(city.dir, 'demo/keys');
const memory = async () => (await operator.json('/staff/keys')).json.purposes.find((p) => p.name === purpose);
const states = (one) => one.keys.map((k) => k.state).sort();
// The number of an application, as it is shown to who may see it.
async function shown(id) {
	const answer = await clerk.post(`/staff/my-number/${id}`, { purpose: 'decide', reason: '照合' });
	assert.equal(answer.status, 200, answer.text);
	return answer.text.replace(/\s/g, '');
}
// Another process on the same store; people stay signed in.
async function restart() {
	await city.kill();
	await city.serve();
	for (const client of [operator, clerk, resident]) client.base = city.url;
}

test('the page shows operators which key protects what, and nobody else', async () => {
	const { json } = await operator.json('/staff/keys');
	assert.deepEqual(json.purposes.map((p) => p.name).sort(), ['account.totp', purpose, 'identifier.card', 'oidc.subject', 'oidc_key.private', 'web.key'].sort());
	assert.match(json.master.fingerprint, /^[0-9a-f]{16}$/);
	assert.equal(json.master.source, 'file:keys/master.key');
	for (const one of json.purposes) assert.deepEqual(states(one), ['current']);
	const page = await operator.get('/staff/keys');
	assert.match(page.text, /application\.answers/);
	assert.equal((await (await city.as(own.clerk)).get('/staff/keys')).status, 403);
	assert.equal((await (await city.as(own.clerk)).post(`/staff/keys/${purpose}/rotate`)).status, 403);
	assert.equal((await operator.post('/staff/keys/oidc.subject/rotate')).status, 422, 'others hold what it made');
	assert.equal((await operator.post('/staff/keys/nothing/rotate')).status, 404);
	// Neither key nor secret is in the store in clear.
	assert.doesNotMatch(city.sql('SELECT value FROM store_meta'), /^[0-9a-f]{64}$/m);
});

test('a new key while applications with numbers come in', async () => {
	const before = (await memory()).keys[0].id;
	const coming = (async () => {
		const ids = [];
		for (const number of numbers.slice(1)) ids.push((await applyForCare(resident, number)).id);
		return ids;
	})();
	const page = await operator.get('/staff/keys');
	assert.equal((await operator.submit(page, `/staff/keys/${purpose}/rotate`, {}, { follow: false })).status, 303);
	const ids = await coming;
	const one = await until(async () => { const m = await memory(); return m.rotation?.running === false && m; }, 'the rotation');
	assert.deepEqual(states(one), ['current', 'retired']);
	assert.equal(one.keys.find((k) => k.state === 'retired').id, before);
	assert.equal(city.sql(`SELECT count(*) FROM vault_key WHERE state = 'retired' AND wrapped IS NOT NULL`).trim(), '0');
	for (const [i, id] of [first, ...ids].entries()) assert.ok((await shown(id)).includes(numbers[i]), `the number of application ${id}`);
	assert.match(city.cli('keys'), new RegExp(`${purpose}\\n.*\\n.*current.*values [1-9]`));
	assert.match(city.cli('verify'), /^problems: 0$/m);
	const verbs = city.sql("SELECT verb FROM journal WHERE verb LIKE 'vault.%' OR verb = 'application.resealed'").trim().split('\n');
	for (const verb of ['vault.rotation_started', 'vault.key_made', 'vault.key_replaced', 'vault.key_destroyed', 'vault.rotation_done', 'application.resealed']) assert.ok(verbs.includes(verb), verb);
});

test('all of them at once by the command, beside the server', async () => {
	const said = city.cli('keys', 'rotate');
	for (const name of [purpose, 'account.totp', 'oidc_key.private', 'web.key']) assert.match(said, new RegExp(`^${name}: sealed anew`, 'm'));
	assert.ok((await shown(first)).includes(numbers[0]));
	assert.ok((await city.client().login('resident1@example.jp')), 'form tokens go on');
	assert.match(city.cli('verify'), /^problems: 0$/m);
});

test('a backup holds neither the master key nor a data key in clear', () => {
	const target = join(city.dir, 'backup'), master = readFileSync(join(keys(), 'master.key'), 'utf8').trim();
	city.cli('backup', target);
	assert.deepEqual(readdirSync(join(target, 'keys')).filter((name) => name.startsWith('master')), []);
	const { status } = spawnSync('grep', ['-rq', master, target]);
	assert.equal(status, 1, 'the master key is nowhere in it');
});

test('others may not read the master key', () => {
	chmodSync(join(keys(), 'master.key'), 0o644);
	const { status, stderr } = spawnSync(machi, ['keys', '--data', city.dir], { env: city.env, encoding: 'utf8' });
	chmodSync(join(keys(), 'master.key'), 0o400);
	assert.equal(status, 1);
	assert.match(stderr, /others than its owner may read or change it \(mode 644\); run: chmod 600/);
});

test('another master key, from a credential, and on a token', async () => {
	// A credential, as systemd would hand it over.
	const folder = join(city.dir, 'credentials');
	mkdirSync(folder);
	writeFileSync(join(folder, 'machi-master'), `${'5a'.repeat(32)}\n`, { mode: 0o400 });
	city.env.CREDENTIALS_DIRECTORY = folder;
	city.env.MACHI_KEYS_MASTER = 'credential:machi-master file:keys/master.key';
	await restart();
	assert.equal((await operator.json('/staff/keys')).json.next.source, 'credential:machi-master');
	const page = await operator.get('/staff/keys');
	assert.equal((await operator.submit(page, '/staff/keys/rewrap', {}, { follow: false })).status, 303);
	assert.equal((await operator.json('/staff/keys')).json.master.source, 'credential:machi-master');
	// A token: SoftHSM, which keeps it in files.
	const tokens = join(city.dir, 'tokens'), pin = join(city.dir, 'pin');
	mkdirSync(tokens);
	writeFileSync(pin, '2468\n', { mode: 0o600 });
	writeFileSync(join(city.dir, 'softhsm.conf'), `directories.tokendir = ${tokens}\nlog.level = ERROR\n`);
	city.env.SOFTHSM2_CONF = join(city.dir, 'softhsm.conf');
	execFileSync('softhsm2-util', ['--init-token', '--free', '--label', 'city', '--so-pin', '1357', '--pin', '2468'], { env: city.env });
	const token = `pkcs11:token=city;object=machi?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:${pin}`;
	assert.match(city.cli('keys', 'new-master', token), /^master key [0-9a-f]{16} is at pkcs11:/);
	city.env.MACHI_KEYS_MASTER = `${token} credential:machi-master`;
	city.env.MACHI_KEYS_TOKEN_DIR = tokens;
	assert.match(city.cli('keys', 'rewrap'), /^\d+ keys are wrapped/);
	assert.match(city.cli('keys', 'rewrap'), /already/);
	city.env.MACHI_KEYS_MASTER = token;
	await restart();
	assert.match((await operator.json('/staff/keys')).json.master.source, /^pkcs11:/);
	assert.ok((await shown(first)).includes(numbers[0]));
	city.cli('keys', 'rotate', purpose);
	assert.ok((await shown(first)).includes(numbers[0]));
	assert.doesNotMatch(city.log(), /2468/);
	// Without it nothing starts, and what is needed is said.
	const { status, stderr } = spawnSync(machi, ['keys', '--data', city.dir, '--keys-master', 'file:keys/master.key'], { env: city.env, encoding: 'utf8' });
	assert.equal(status, 1);
	assert.match(stderr, /master key [0-9a-f]{16} is not at hand/);
});
