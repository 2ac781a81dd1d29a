// The simulators of the real services: what only those have, signed in with from a city.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, forms, freePort, machi, until, words } from '../lib/city.mjs';

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
