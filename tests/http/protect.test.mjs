// Protected persons (支援措置) and emergency access: who is not named meets nothing of them, anywhere. The pages come
// from the routing tables (openapi.json).
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City } from '../lib/city.mjs';
import { applyByJson, nested, office, owner } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());
const secret = { 'owner.name.family': '秘匿', 'owner.name.given': '桜子', 'owner.furigana.family': 'ヒトク', 'owner.furigana.given': 'サクラコ', 'owner.address.street': '98-76', 'owner.phone': '087-800-9876' };
const own = await city.office(office), other = await city.office('道路管理課');
const admin = await city.as('admin'), resident = await city.as('resident1@example.jp');
const staff = async (login) => (await admin.json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login).id;
const logins = { resident: 'resident2@example.jp', elsewhere: other.clerk, clerk: own.clerk, head: own.head, division: own.division,
	records: 'records', operator: 'operator', admin: 'admin', auditor: 'auditor' };
const people = ['anonymous', ...Object.keys(logins)];
const client = async (person) => logins[person] ? city.as(logins[person]) : city.client();

await applyByJson(resident, { owner: secret });
const { id, receipt } = await applyByJson(resident, { owner: secret });
const number = receipt;
const all = async (person) => (await (await client(person)).json('/staff?scope=all')).json;
const counted = async (person) => (await all(person)).scopes?.map((s) => s.count).join();
const xlsx = (bytes) => {
	const file = join(city.dir, 'export.xlsx');
	writeFileSync(file, bytes);
	return execFileSync('python3', ['-c', 'import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nfor n in z.namelist(): sys.stdout.buffer.write(z.read(n))', file], { encoding: 'utf8' });
};
const searches = ['/staff?scope=all&limit=200', '/staff?scope=all&tab=office', `/staff?q=${number}`, `/staff?q=${encodeURIComponent('桜子')}`, '/staff?scope=all&from=2020-01-01',
	'/staff/export.csv', '/staff/export.csv?procedure=dog-registration', '/staff/export.xlsx?procedure=dog-registration', '/staff/records', `/staff/applications/${id}/print.pdf`, '/journal?format=json'];
const needles = ['秘匿', '桜子', 'ヒトク', '98-76', '800-9876', number];

// Everything that a person can open by GET; what was typed into the search box comes back and is taken out.
async function leaks(person) {
	const { paths } = (await city.client().json('/api/openapi.json')).json;
	const get = Object.entries(paths).filter(([, o]) => o.get).map(([path]) => path.replaceAll(/\{(id|staff)\}/g, id).replaceAll(/\{[^}]*\}/g, '1'));
	assert.ok(get.length > 80 && get.includes(`/staff/applications/${id}`), 'the routes are there');
	const who = await client(person), found = [];
	for (const path of [...get, ...searches])
		for (const accept of ['text/html', 'application/json']) {
			const page = await who.request('GET', path, { headers: { accept }, follow: false });
			assert.ok(page.status < 500, `${path}: ${page.status}`);
			const typed = path.includes('q=') ? decodeURIComponent(/q=([^&]*)/.exec(path)[1]) : '';
			const text = page.bytes.subarray(0, 2).toString() === 'PK' ? xlsx(page.bytes) : page.text;
			for (const needle of needles)
				if (needle !== typed && text.includes(needle) && !(typed === '桜子' && needle === '桜子')) found.push(`${person} ${accept} ${path}: ${needle}`);
		}
	return found;
}

let block;
const before = {};
test('before, the office sees the application', async () => {
	for (const person of ['clerk', 'auditor']) {
		before[person] = await counted(person);
		assert.ok((await all(person)).rows.some((r) => r.number === number), person);
	}
	assert.ok((await leaks('clerk')).length > 5, 'the test would see a leak');
});

test('a protection is made by who has the role, for those named', async () => {
	assert.equal((await (await client('clerk')).json('/staff/protection')).status, 403);
	const chief = await city.as(own.chief);
	await admin.postJson(`/staff/users/${await staff(own.chief)}/add/role`, { role: 'protection' });
	await admin.postJson(`/staff/users/${await staff(own.head)}/add/role`, { role: 'protection' });
	assert.equal((await chief.postJson('/staff/protection/new', { ground: 'violence' })).status, 422, 'an opinion is a must');
	const made = await chief.postJson('/staff/protection/new', { ground: 'violence', opinion: '警察署', send_to: '別の住所', from: '2026-01-01' });
	block = /protection\/(\d+)/.exec(made.location)[1];
	const page = `/staff/protection/${block}`;
	assert.equal((await chief.postJson(`${page}/subject`, { name: '秘匿 桜子', mail: 'nobody@example.jp' })).status, 422);
	assert.ok((await chief.postJson(`${page}/subject`, { name: '秘匿 桜子', mail: 'resident1@example.jp' })).status < 400);
	assert.ok((await chief.postJson(`${page}/staff`, { login: own.clerk2 })).status < 400);
	assert.equal((await chief.postJson(`${page}/staff`, { login: 'no-such' })).status, 422);
	assert.equal((await (await city.as(own.head)).json(page)).status, 404, 'not named, also with the role');
	assert.equal((await (await city.as(own.head)).json('/staff/protection')).json.others, 1);
	assert.match((await chief.get('/en/staff/protection')).text, /Protected/);
	assert.equal((await chief.postJson(`${page}/extend`, { opinion: '警察署' })).status, 409, 'too early');
});

for (const person of people)
	test(`nothing of a protected person reaches: ${person}`, async () => {
		assert.deepEqual(await leaks(person), []);
	});

test('nobody learns it by a number either, and nothing can be done', async () => {
	const less = (person, n) => before[person].split(',').map(Number).map((c) => c - n);
	const now = (await counted('clerk')).split(',').map(Number);
	assert.ok(now.some((c, i) => c === less('clerk', 2)[i]) && now.every((c, i) => c <= Number(before.clerk.split(',')[i])), `${before.clerk} ${now}`);
	const clerk = await client('clerk');
	for (const verb of ['accept', 'note', 'message', 'assign', 'forward']) assert.equal((await clerk.postJson(`/staff/applications/${id}/${verb}`, { text: 'a', reason: 'a', staff: 1, department: 1 })).status, 404, verb);
	const found = await admin.postJson('/staff/residents', { reason: '問合せ', q: 'resident1@example.jp' });
	assert.deepEqual(found.json.residents, []);
});

test('those named work as usual', async () => {
	const named = await city.as(own.clerk2);
	assert.equal((await named.json(`/staff/applications/${id}`)).status, 200);
	assert.ok((await named.json('/staff?scope=all&limit=200')).json.rows.some((r) => r.number === number));
	assert.ok((await (await city.as(own.chief)).json(`/staff/protection/${block}/applications`)).json.applications.some((a) => a.id === id && a.state === 'account'));
	assert.equal((await resident.json(`/applications/${id}`)).status, 200, 'the person themselves');
});

test('what names them is suggested, and protected once it is confirmed', async () => {
	const { id: about, receipt: theirs } = await applyByJson(await city.as('resident2@example.jp'), { owner: secret });
	const chief = await city.as(own.chief), page = `/staff/protection/${block}/applications`, clerk = await client('clerk');
	assert.equal((await chief.json(page)).json.applications.find((a) => a.id === about).state, 'suggested');
	assert.equal((await clerk.json(`/staff/applications/${about}`)).status, 200);
	assert.ok((await chief.postJson(page, { application: about, state: 'confirmed' })).status < 400);
	assert.equal((await clerk.json(`/staff/applications/${about}`)).status, 404);
	assert.ok(!(await clerk.get('/staff/export.csv')).text.includes(theirs));
	assert.ok((await chief.postJson(page, { application: about, state: 'other' })).status < 400);
	assert.equal((await clerk.json(`/staff/applications/${about}`)).status, 200);
});

test('another party cannot ask about them, and is not told why', async () => {
	const party = await city.as('resident2@example.jp'), chief = await city.as(own.chief);
	const { name } = (await admin.postJson('/staff/residents', { reason: '問合せ', q: 'resident2@example.jp' })).json.residents[0];
	assert.ok((await chief.postJson(`/staff/protection/${block}/party`, { name })).status < 400);
	const begun = await party.postJson('/procedures/dog-registration/apply', { applicant_kind: 'resident' });
	const draft = /applications\/(\d+)/.exec(begun.location)[1];
	const { dog, place } = await import('../lib/dog.mjs');
	for (const [step, answers] of [[1, { ...owner, ...secret }], [2, dog], [3, place], [4, {}]]) await party.postJson(`/applications/${draft}/steps/${step}`, nested(answers));
	const sent = await party.post(`/applications/${draft}/submit`, []);
	assert.match(sent.text, /この申請は、オンラインでは受け付けられません/);
	assert.ok(!/保護|支援/.test(sent.text.replaceAll(/<nav[\s\S]*?<\/nav>/g, '')), 'neutral words');
	assert.ok((await party.json('/my')).json.drafts.some((d) => d.id === Number(draft)), 'it was not sent');
});

test('emergency access: a reason, a short time, told, reading only, a finding of somebody else', async () => {
	const clerk = await client('clerk'), head = await city.as(own.head);
	assert.equal((await clerk.postJson('/staff/emergency', { number, reason: '' })).status, 422);
	assert.equal((await clerk.postJson('/staff/emergency', { number: 'AAAA-AAAA-AAAA', reason: '急ぎ' })).status, 422);
	const opened = await clerk.postJson('/staff/emergency', { number, reason: '本人が窓口で倒れた' });
	assert.equal(opened.location, `/staff/applications/${id}`);
	const page = await clerk.get(`/staff/applications/${id}`);
	assert.equal(page.status, 200);
	assert.match(page.text, /緊急アクセスで開いています/);
	assert.equal((await clerk.postJson(`/staff/applications/${id}/accept`, {})).status, 403, 'it is for reading');
	assert.ok(!(await clerk.json('/staff?scope=all&limit=200')).json.rows.some((r) => r.number === number), 'lists leave it out');
	assert.equal((await (await client('division')).json(`/staff/applications/${id}`)).status, 404, 'only who opened it');
	const one = (await head.json('/staff/emergency')).json.review.find((e) => e.application === id);
	assert.equal(one.reason, '本人が窓口で倒れた');
	assert.equal((await clerk.postJson(`/staff/emergency/${one.id}/review`, { finding: 'x', justified: 'yes' })).status, 403);
	assert.equal((await head.postJson(`/staff/emergency/${one.id}/review`, { finding: '', justified: 'yes' })).status, 422);
	assert.ok((await head.postJson(`/staff/emergency/${one.id}/review`, { finding: '確認した', justified: 'yes' })).status < 400);
	assert.equal((await head.postJson(`/staff/emergency/${one.id}/review`, { finding: '再び', justified: 'no' })).status, 409);
	assert.match((await head.get('/en/staff/emergency')).text, /確認した/);
});

test('once it is ended the records are open as usual', async () => {
	const chief = await city.as(own.chief);
	assert.equal((await chief.postJson(`/staff/protection/${block}/end`, { reason: '' })).status, 422);
	assert.ok((await chief.postJson(`/staff/protection/${block}/end`, { reason: '本人の申出' })).status < 400);
	assert.equal((await chief.json(`/staff/protection/${block}`)).json.protection.end_reason, '本人の申出');
	assert.equal((await (await client('head')).json(`/staff/applications/${id}`)).status, 200);
});

test('the journal proves the protections, without a name in it', async () => {
	assert.match(city.cli('verify', '--city', 'demo'), /problems: 0/);
	assert.ok(!city.sql('SELECT data FROM journal WHERE subject LIKE \'block:%\'').includes('秘匿'), 'no name');
	for (const [change, back] of [["UPDATE block SET send_to = 'x' || send_to", 'UPDATE block SET send_to = substr(send_to, 2)'],
		["UPDATE block_subject SET birthday = 'x' || birthday", 'UPDATE block_subject SET birthday = substr(birthday, 2)']]) {
		city.sql(change);
		let said = '';
		try { said = city.cli('verify', '--city', 'demo'); } catch (e) { said = e.stdout; }
		assert.match(said, /problems: [1-9][\s\S]*block:\d+ is not as entry/, change);
		city.sql(back);
	}
	assert.match(city.cli('verify', '--city', 'demo'), /problems: 0/);
});
