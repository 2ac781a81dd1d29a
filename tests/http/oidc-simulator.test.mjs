// The simulators of the real services: what only those have, signed in with from a city.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, forms, freePort, machi, until, words } from '../lib/city.mjs';
import { address, applyFor, pdf } from '../lib/apply.mjs';

let city;
const running = [];

// Starts one and gives what it prints for sign-in.yaml.
async function simulate(name) {
	const child = spawn(machi, ['simulate', name, '--city', city.url, '--port', String(await freePort())]);
	running.push(child);
	let said = '';
	for await (const piece of child.stdout) {
		said += piece;
		if (/SIMULATOR: .* on http/.test(said)) break;
	}
	return said.replace(/^SIMULATOR: .*$/m, '').replace('providers:\n', '');
}

before(async () => {
	city = await City.start({ mail: true, init: ['--demo', '--demo-size', '1'] });
	writeFileSync(join(city.dir, 'demo/sign-in.yaml'), `providers:\n${await simulate('digital-auth')}${await simulate('gbizid')}`);
	assert.match(city.cli('check', '--city', 'demo'), /0 problems/);
	city.process.kill('SIGHUP');
	await until(() => city.log().includes('city.reload'), 'the reload');
});

after(async () => {
	for (const child of running) {
		child.kill();
		await once(child, 'exit');
	}
	await city?.stop();
});

// Signs in there as the person of a button; gives the city's page.
async function as(client, name, person, change = (url) => url) {
	const there = await client.get(`/login/with/${name}?next=/account/providers`, { follow: false });
	const page = await fetch(change(there.location));
	const text = await page.text();
	assert.match(text, /SIMULATOR/);
	if (page.status !== 200) return { status: page.status, text };
	const [form] = forms(text);
	const back = await fetch(new URL(form.action, there.location), { method: 'POST', redirect: 'manual', body: new URLSearchParams([...form.fields, ['person', person]]) });
	return client.get(back.headers.get('location').slice(city.url.length));
}

test('the digital authentication app: four items, level 3, and the conditions of the real one', async () => {
	const client = await city.client().login('resident1@example.jp');
	const ask = await as(client, 'digital-auth', 'sim-taro');
	assert.match(words(ask.text), /見本 太郎 .*平成13年11月30日.*香川県高松市天神前1番1号/);
	await client.submit(ask, '/account/providers/link', { password: 'machi-demo-2026' });
	const { profile } = (await client.json('/account')).json;
	assert.equal(profile.birthday, '2001-11-30');
	assert.equal((await as(city.client(), 'digital-auth', 'sim-taro')).url, '/account/providers');
	assert.match(words((await as(city.client(), 'digital-auth', '')).text), /取りやめた/);
	const lacking = await as(city.client(), 'digital-auth', 'sim-taro', (url) => url.replace('code_challenge_method=S256', 'code_challenge_method=plain'));
	assert.equal(lacking.status, 400);
});

test('GBizID: prime and member with their corporation, entry refused', async () => {
	const client = await city.client().login('resident2@example.jp');
	const refused = await as(client, 'gbizid', 'sim-entry');
	assert.equal(refused.status, 403);
	assert.match(words(refused.text), /エントリーアカウント.*プライムまたはメンバー/);
	const ask = await as(client, 'gbizid', 'sim-member');
	assert.match(words(ask.text), /模擬商事 .*2000020132110/);
	const done = await client.submit(ask, '/account/providers/link', { password: 'machi-demo-2026' });
	assert.match(words(done.text), /模擬商事 2000020132110/);
	assert.equal((await as(city.client(), 'gbizid', 'sim-member')).url, '/account/providers');
});

// --- companies act ---

function applyForCompany(client, record) {
	const drawing = pdf();
	return applyFor(client, 'outdoor-advertisement', [
		{ applicant: { name: '模擬商事', representative: '代表取締役 模擬 一郎', corporate_number: '2000020132110', address, phone: '087-800-0001', email: 'sign@example.jp' } },
		{ place: { purpose: 'new', address, zone: 'normal', from_date: '2026-12-01', to_date: '2027-11-30' } },
		{ signs: [{ kind: 'wall', area: 3, height: 3, lighting: 'no', quantity: 1, text: 'うどん' }] },
		{ builder: { name: '看板工房', registration: '香川1' } },
		null,
		{ files: [['attachments.map', drawing], ['attachments.drawing', drawing]] },
	], { kind: 'business', mandate: { record } });
}

const mandates = async (client) => (await client.json('/account/mandates')).json.given;
const begin = async (client, procedure, kind = 'business') => (await client.postJson(`/procedures/${procedure}/apply`, { applicant_kind: kind })).location;
async function linked(login, person) {
	const client = await city.client().login(login);
	const ask = await as(client, 'gbizid', person);
	if (/providers\/link/.test(ask.text)) await client.submit(ask, '/account/providers/link', { password: 'machi-demo-2026' });
	return client;
}

test('GBizID: a company acts through its staff, in what it delegated, and its prime sees all', async () => {
	const member = await linked('resident2@example.jp', 'sim-member'), prime = await linked('resident3@example.jp', 'sim-prime');
	const colleague = await linked('resident4@example.jp', 'sim-member2');
	const [delegated, own] = (await mandates(member)).sort((a, b) => b.id - a.id);
	assert.deepEqual([own.principal_name, own.unit, own.corporate_number, own.scope, own.state], ['模擬商事', '総務部', '2000020132110', null, 'active']);
	assert.deepEqual([delegated.principal_name, delegated.scope.length, delegated.state], ['模擬看板', 1, 'active']);
	assert.equal((await mandates(colleague)).length, 1, 'nothing was delegated to a colleague');
	assert.deepEqual((await mandates(member)).map((m) => m.id), (await mandates(await linked('resident2@example.jp', 'sim-member'))).map((m) => m.id), 'another sign-in makes no others');

	const dog = await begin(member, 'dog-registration');
	assert.ok(!(await member.get(dog)).text.includes('模擬看板'), 'not among the services');
	assert.match(words((await member.get(dog)).text), /だれのために申請しますか.*模擬商事.*2000020132110.*自分の事業/);
	assert.equal((await member.postJson(dog, { record: delegated.id })).status, 404);

	const page = await begin(member, 'outdoor-advertisement');
	const step = await member.submit(await member.get(page), '/mandate', { record: String(delegated.id) });
	assert.match(step.text, /value="模擬看板"/);
	assert.match(step.text, /value="6010005017636"/);
	assert.ok(!step.text.includes('resident2@example.jp'), 'the employee\'s own data is not the company\'s');

	const { id, receipt } = await applyForCompany(member, own.id);
	const seen = async (client) => (await client.json(`/applications/${id}`)).status;
	assert.deepEqual([await seen(member), await seen(prime), await seen(colleague)], [200, 200, 404]);
	assert.ok((await prime.json('/my')).text.includes(receipt), 'the prime has it on their page');
	assert.ok(!(await colleague.json('/my')).text.includes(receipt));
	assert.match(words((await prime.get(`/applications/${id}`)).text), /模擬商事 \(法人番号 2000020132110\)|模擬商事/);
	assert.ok((await prime.postJson(`/applications/${id}/messages`, { text: '代表者です' })).status < 400);

	const providers = await member.get('/account/providers');
	await member.submit(providers, '/account/providers', { password: 'machi-demo-2026', identity: (await member.json('/account/providers')).json.identities.map((i) => String(i.id)) }, { loose: true });
	assert.ok((await mandates(member)).every((m) => m.state === 'ended'), 'without the link nobody is acted for');
	assert.deepEqual([await seen(member), await seen(prime)], [404, 200]);
	assert.match(city.cli('verify'), /problems: 0/);
});
