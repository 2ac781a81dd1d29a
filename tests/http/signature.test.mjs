// Applications signed with the signature certificate of a (simulated) My Number Card.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { City, root, until, words } from '../lib/city.mjs';
import { CardAuthority } from '../lib/card.mjs';
import { dog, idOf, nested, owner, photo, place } from '../lib/dog.mjs';

let ca, city, resident;

const settings = () => ['--card-crl', 'signature.crl authentication.crl', '--card-tsa', `${ca.url}/tsa`];

before(async () => {
	ca = await CardAuthority.start();
	city = await City.start({ init: ['--demo-size', '5'], settings: settings(), env: { MACHI_CARD_SIMULATOR: 'true' } });
	ca.run('trust', join(city.dir, 'demo'));
	const own = join(city.dir, 'demo/custom/packs/resident/procedures');
	mkdirSync(own, { recursive: true });
	const yaml = readFileSync(join(root, 'packs/resident/procedures/course-signup.yaml'), 'utf8');
	writeFileSync(join(own, 'signed-course.yaml'), yaml.replace('id: course-signup', 'id: signed-course\nsignature: required'));
	writeFileSync(join(own, 'may-sign-course.yaml'), yaml.replace('id: course-signup', 'id: may-sign-course\nsignature: allowed'));
	const dogs = readFileSync(join(root, 'packs/resident/procedures/dog-registration.yaml'), 'utf8');
	writeFileSync(join(own, 'signed-dog.yaml'), dogs.replace('id: dog-registration', 'id: signed-dog\nsignature: required'));
	await city.kill();
	await city.serve();
	for (const card of ['hanako', 'gone']) ca.card(card);
	resident = await city.as('resident1@example.jp');
});
after(async () => {
	await city?.stop();
	ca?.stop();
});

const participant = { name: { family: '見本', given: '花子' }, furigana: { family: 'ミホン', given: 'ハナコ' }, belongs: 'lives', age_band: '40', email: 'hana@example.jp' };
async function draft(client = resident, procedure = 'signed-course') {
	const id = idOf((await client.postJson(`/procedures/${procedure}/apply`, { applicant_kind: 'resident' })).location);
	assert.ok((await client.postJson(`/applications/${id}/steps/1`, { course: { course: 'cooking' } })).status < 400);
	assert.ok((await client.postJson(`/applications/${id}/steps/2`, { participant })).status < 400);
	return id;
}
const documentOf = async (id, client = resident) => (await client.get(`/applications/${id}/signature/document.json`)).bytes;
const bring = (id, p7s, client = resident) => client.post(`/applications/${id}/signature`, [['signature', new Blob([p7s])]], { multipart: true, follow: false, headers: { accept: 'application/json' } });
const submit = (id) => resident.postJson(`/applications/${id}/submit`, {});

test('without a signature it is not sent; the page says how to sign', async () => {
	const id = await draft();
	assert.equal((await submit(id)).status, 422);
	const page = await resident.get(`/applications/${id}/confirm`);
	assert.match(words(page.text), /署名用電子証明書での署名が必要です/);
	assert.doesNotMatch(page.text, new RegExp(`action="/applications/${id}/submit"[^]*<button class="m-button">`));
	const english = await resident.get(`/en/applications/${id}/confirm`);
	assert.match(words(english.text), /must be signed with your signature certificate/);
});

test('signed: verified, time-stamped, sent; openssl verifies the package by the commands of the README', async () => {
	const id = await draft();
	const document = await documentOf(id);
	assert.equal(JSON.parse(document).application, id);
	const brought = await bring(id, ca.sign('hanako', document));
	assert.ok(brought.status < 400, `${brought.status} ${brought.text}`);
	const page = words((await resident.get(`/applications/${id}/confirm`)).text);
	assert.match(page, /署名と証明書を確認しました.*見本　花子|署名と証明書を確認しました.*見本 花子/);
	const sent = await submit(id);
	assert.ok(sent.status < 400, sent.text);
	assert.match(words((await resident.get(`/applications/${id}`)).text), /タイムスタンプ/);
	const dir = mkdtempSync(join(tmpdir(), 'machi-signature-'));
	try {
		writeFileSync(join(dir, 'package.tar'), (await resident.get(`/applications/${id}/signature/package.tar`)).bytes);
		const readme = readFileSync(join(root, 'src/procedure/README.md'), 'utf8');
		const commands = /<!-- signature package -->\n([^]*?)<!-- -->/.exec(readme)[1].replace(/^\t/gm, '');
		const run = () => execFileSync('bash', ['-euo', 'pipefail', '-c', commands], { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
		run();
		assert.deepEqual(readFileSync(join(dir, 'document.json')), document);
		// They fail for another document.
		writeFileSync(join(dir, 'document.json'), `${document} `);
		const again = commands.split('\n').filter((line) => !line.startsWith('tar ')).join('\n');
		assert.throws(() => execFileSync('bash', ['-euo', 'pipefail', '-c', again], { cwd: dir, stdio: 'pipe' }));
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
	// Nobody else gets it.
	const other = await city.as('resident2@example.jp');
	assert.equal((await other.get(`/applications/${id}/signature/package.tar`)).status, 404);
	// Staff who take it leave a note, with its name, on the person's page.
	const office = await city.office('生涯学習課');
	assert.equal((await (await city.as(office.clerk)).get(`/applications/${id}/signature/package.tar`)).status, 200);
	const notes = async () => (await (await city.as('security')).json('/staff/trail')).json.readings.filter((r) => JSON.stringify(r).includes('signature.tar'));
	await until(async () => (await notes()).length === 1, 'the note');
});

test('answers that change after signing have to be signed anew', async () => {
	const id = await draft();
	const first = ca.sign('hanako', await documentOf(id));
	assert.ok((await bring(id, first)).status < 400);
	assert.ok((await resident.postJson(`/applications/${id}/steps/2`, { participant: { ...participant, age_band: '65' } })).status < 400);
	assert.equal((await submit(id)).status, 422);
	assert.match(words((await resident.get(`/applications/${id}/confirm`)).text), /もう一度署名してください/);
	const old = await bring(id, first);
	assert.equal(old.status, 422);
	assert.match(old.text, /署名したときと違います/);
	assert.ok((await bring(id, ca.sign('hanako', await documentOf(id)))).status < 400);
	assert.ok((await submit(id)).status < 400);
});

test('a signature that need not be there and is of other answers is not sent along', async () => {
	const id = await draft(resident, 'may-sign-course'), signed = await draft(resident, 'may-sign-course');
	for (const one of [id, signed]) assert.ok((await bring(one, ca.sign('hanako', await documentOf(one)))).status < 400);
	assert.ok((await resident.postJson(`/applications/${id}/steps/2`, { participant: { ...participant, age_band: '65' } })).status < 400);
	for (const one of [id, signed]) assert.ok((await submit(one)).status < 400);
	assert.equal((await resident.json(`/applications/${signed}`)).json.signature.signed, true);
	assert.equal((await resident.json(`/applications/${id}`)).json.signature.signed, false);
	assert.equal((await resident.get(`/applications/${id}/signature/package.tar`)).status, 404);
});

test('after a correction the page says that the signature is of what was sent before', async () => {
	const id = await draft();
	assert.ok((await bring(id, ca.sign('hanako', await documentOf(id)))).status < 400);
	assert.ok((await submit(id)).status < 400);
	const { clerk } = await city.office('生涯学習課'), staff = await city.as(clerk);
	assert.ok((await staff.postJson(`/staff/applications/${id}/accept`, {})).status < 400);
	const asked = await staff.postJson(`/staff/applications/${id}/correction`, { field: ['participant.age_band'], message: '年代をお確かめください。', due: '2030-01-31' });
	assert.ok(asked.status < 400, asked.text);
	assert.equal((await resident.json(`/applications/${id}`)).json.signature.corrected, false);
	const corrected = await resident.postJson(`/applications/${id}/correct`, { participant: { ...participant, age_band: '65' } });
	assert.ok(corrected.status < 400, corrected.text);
	assert.equal((await resident.json(`/applications/${id}`)).json.signature.corrected, true);
	assert.match(words((await staff.get(`/staff/applications/${id}`)).text), /署名は訂正前の内容に対するものです/);
});

test('an attachment that changes after signing, here or in the package, is not what was signed', async () => {
	const id = idOf((await resident.postJson('/procedures/signed-dog/apply', { applicant_kind: 'resident' })).location);
	for (const [step, answers] of [[1, owner], [2, dog], [3, place]])
		assert.ok((await resident.postJson(`/applications/${id}/steps/${step}`, nested(answers))).status < 400);
	const attach = (file) => resident.post(`/applications/${id}/steps/4`, { 'attachments.photo': file }, { multipart: true, follow: false, headers: { accept: 'application/json' } });
	const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
	const first = Buffer.from(await photo().arrayBuffer());
	assert.ok((await attach(photo())).status < 400);
	const document = await documentOf(id);
	assert.deepEqual(JSON.parse(document).attachments.map((a) => a.name), ['犬.png']);
	assert.ok((await bring(id, ca.sign('hanako', document))).status < 400);
	// Before it is sent: the same picture, one byte longer.
	const other = Buffer.concat([first, Buffer.from([0])]);
	assert.ok((await attach(Object.assign(new Blob([other], { type: 'image/png' }), { name: '犬.png' }))).status < 400);
	assert.notDeepEqual(await documentOf(id), document);
	assert.equal((await submit(id)).status, 422);
	assert.match(words((await resident.get(`/applications/${id}/confirm`)).text), /もう一度署名してください/);
	const again = await documentOf(id);
	assert.ok((await bring(id, ca.sign('hanako', again))).status < 400);
	assert.ok((await submit(id)).status < 400);
	// In the package: the digests of what the office has are those that were signed; with another one openssl refuses.
	const dir = mkdtempSync(join(tmpdir(), 'machi-attachment-'));
	try {
		writeFileSync(join(dir, 'package.tar'), (await resident.get(`/applications/${id}/signature/package.tar`)).bytes);
		execFileSync('tar', ['-xf', 'package.tar'], { cwd: dir });
		const signed = readFileSync(join(dir, 'document.json'), 'utf8'), list = JSON.parse(signed).attachments;
		const page = await resident.get(`/applications/${id}`);
		const links = [...page.text.matchAll(/href="([^"]*\/files\/[^"]*)"/g)].map((m) => m[1]);
		const there = await Promise.all([...new Set(links)].map(async (href) => sha256((await resident.get(href)).bytes)));
		assert.deepEqual(list.map((a) => a.sha256).sort(), there.sort());
		const verify = () => execFileSync('openssl', ['cms', '-verify', '-binary', '-inform', 'DER', '-in', 'signature.p7s', '-content', 'document.json', '-CAfile', 'issuer.pem', '-purpose', 'any', '-out', '/dev/null'], { cwd: dir, stdio: 'pipe' });
		verify();
		writeFileSync(join(dir, 'document.json'), signed.replace(list[0].sha256, sha256('another picture')));
		assert.throws(verify);
	} finally {
		rmSync(dir, { recursive: true, force: true });
	}
});

test('a signature that is not to be believed is refused with the reason', async () => {
	const id = await draft();
	const document = await documentOf(id);
	for (const [fault, text] of [['expired', /有効期限/], ['forged', /信頼する認証局/], ['usage', /用途が違います/], ['policy', /この用途/], ['items', /読み取れません/]]) {
		const answer = await bring(id, ca.sign(ca.card(`bad-${fault}`, '--fault', fault), document));
		assert.equal(answer.status, 422, fault);
		assert.match(answer.text, text);
	}
	assert.match((await bring(id, document)).text, /署名または証明書として読み取れない/);
	const p7s = ca.sign('gone', document);
	ca.run('revoke', 'gone', 'signature', '--reason', 'affiliationChanged');
	ca.run('trust', join(city.dir, 'demo')); // the new lists
	assert.match((await bring(id, p7s)).text, /失効しています/);
	ca.run('crl', '--age', '100', '--hours', '24');
	ca.run('trust', join(city.dir, 'demo'));
	assert.match((await bring(id, ca.sign('hanako', document))).text, /失効リストが古い/);
	ca.run('crl');
	ca.run('trust', join(city.dir, 'demo'));
	assert.equal((await submit(id)).status, 422);
});

test('what differs between certificate and form is shown before sending and to staff', async () => {
	const id = await draft();
	ca.card('other', '--name', '別人　太郎');
	assert.ok((await bring(id, ca.sign('other', await documentOf(id)))).status < 400);
	assert.match(words((await resident.get(`/applications/${id}/confirm`)).text), /証明書と回答が違うところがあります.*見本花子.*別人/);
	assert.ok((await submit(id)).status < 400);
	const [department] = (await resident.json(`/applications/${id}`)).json.application.department_name ? [(await resident.json(`/applications/${id}`)).json.application.department_name] : [];
	const { chief } = await city.office(department);
	const staff = await city.as(chief);
	assert.match(words((await staff.get(`/staff/applications/${id}`)).text), /証明書と回答が違うところがあります/);
});

test('the journal verifies', () => {
	city.cli('verify');
});
