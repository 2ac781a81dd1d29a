// How sure the city is of who is acting: levels of a session, step-up, what a procedure asks for.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, root, words } from '../lib/city.mjs';
import { totp, totpOn, totpStep } from '../lib/totp.mjs';

let city, resident;

// Procedures like the course's, which ask for more.
const asked = {
	'two-factors': '{authentication: 2}',
	'checked-person': '{identity: 2, authentication: 1}',
	'a-card': 'high',
};

before(async () => {
	city = await City.start({ init: ['--demo-size', '5'] });
	const own = join(city.dir, 'demo/custom/packs/resident/procedures');
	mkdirSync(own, { recursive: true });
	const yaml = readFileSync(join(root, 'packs/resident/procedures/course-signup.yaml'), 'utf8');
	for (const [id, assurance] of Object.entries(asked))
		writeFileSync(join(own, `${id}.yaml`), yaml.replace('id: course-signup', `id: ${id}`).replace('assurance: low', `assurance: ${assurance}`));
	await city.kill();
	await city.serve();
	resident = await city.as('resident1@example.jp');
});
after(() => city?.stop());

const apply = (client, id) => client.post(`/procedures/${id}/apply`, { applicant_kind: 'resident' }, { follow: false });

test('the page of a procedure says how to show who one is; those for everybody say nothing', async () => {
	const page = async (id) => words((await resident.get(`/procedures/${id}`)).text);
	assert.match(await page('two-factors'), /本人の確認 パスワードとスマートフォンの数字など/);
	assert.match(await page('checked-person'), /本人の確認 氏名と住所を書類で確かめている必要があります。/);
	assert.match(await page('a-card'), /本人の確認 マイナンバーカード.*複製できないカード/);
	assert.doesNotMatch(await page('course-signup'), /本人の確認/);
	const english = city.client({ lang: 'en' });
	assert.match(words((await english.get('/procedures/a-card')).text), /Showing who you are Who you are must have been proven/);
});

test('a level that is missing: the page to raise it, and for programs what is needed', async () => {
	const refused = await apply(resident, 'two-factors');
	assert.equal(refused.status, 303);
	assert.equal(refused.location, '/account/assurance?identity=1&authentication=2&next=%2Fprocedures%2Ftwo-factors');
	const page = await resident.get(refused.location);
	assert.match(words(page.text), /もう一度、本人の確認.*二つのものでログインして.*設定すれば使える方法.* 2段階認証 スマートフォン/);
	const problem = await resident.postJson('/procedures/a-card/apply', { applicant_kind: 'resident' });
	assert.equal(problem.status, 403);
	assert.equal(problem.json.code, 'identity.assurance.needed');
	assert.deepEqual(problem.json.needed, { identity: 3, authentication: 3 });
	assert.deepEqual(problem.json.present, { identity: 1, authentication: 1 });
	assert.equal(problem.json.href, '/account/assurance?identity=3&authentication=3');
	assert.equal((await apply(resident, 'checked-person')).location, '/account/assurance?identity=2&authentication=1&next=%2Fprocedures%2Fchecked-person');
});

test('step-up with a code: a new cookie, the level, and back to where one was; a code counts once', async () => {
	const client = await city.client().login('resident2@example.jp');
	const step = totpStep(), secret = await totpOn(client, step); // the next code counts already
	// Setting it up was showing it: nobody is asked for the next code at once.
	assert.match((await apply(client, 'two-factors')).location, /^\/applications\/\d+\/steps\/1$/);
	city.sql("UPDATE web_session SET level_until_us = 1 WHERE level > 1");
	const raise = (await apply(client, 'two-factors')).location;
	const href = (await client.json(raise)).json.ways;
	assert.deepEqual(href.map((way) => way.name), ['totp']);
	const before = client.cookies.get('session'), form = await client.get(href[0].href);
	const wrong = await client.submit(form, '/account/assurance/totp', { code: '000000' }, { follow: false });
	assert.equal(wrong.status, 422);
	assert.equal(client.cookies.get('session'), before);
	const right = await client.submit(form, '/account/assurance/totp', { code: totp(secret, step + 1) }, { follow: false });
	assert.equal(right.status, 303, right.text);
	assert.equal(right.location, '/procedures/two-factors');
	const after = client.cookies.get('session');
	assert.notEqual(after, before);
	assert.match((await apply(client, 'two-factors')).location, /^\/applications\/\d+\/steps\/1$/);
	// The old cookie is nobody's.
	const thief = city.client();
	thief.cookies.set('session', before);
	assert.equal((await thief.json('/account')).status, 401);
	const { sessions } = (await client.json('/account/sessions')).json;
	assert.deepEqual(sessions.filter((s) => s.current).map((s) => [s.method, s.level]), [['2段階認証', 2]]);
	assert.ok(sessions.find((s) => s.current).level_until > Date.now() * 1000);
	const { history } = (await client.json('/account/history')).json;
	assert.deepEqual(history.slice(0, 2).map((h) => [h.outcome, h.method]), [['raised', '2段階認証'], ['second', '2段階認証']]);
	// After its time the level is gone, the session is not; sending the draft asks again.
	const draft = (await apply(client, 'two-factors')).location.match(/\d+/)[0];
	city.sql("UPDATE web_session SET level_until_us = 1 WHERE level > 1");
	const late = await client.postJson(`/applications/${draft}/submit`, {});
	assert.equal(late.status, 403, late.text);
	assert.equal(late.json.code, 'identity.assurance.needed');
	assert.equal((await client.post(`/applications/${draft}/submit`, {}, { follow: false })).location,
		`/account/assurance?identity=1&authentication=2&next=%2Fapplications%2F${draft}%2Fconfirm`);
	// Another browser of the same person, with the password alone, is asked again; the code is used.
	const again = await city.client().login('resident2@example.jp');
	assert.equal((await again.post('/login/totp', { code: totp(secret, step + 1) }, { follow: false })).status, 422, 'used already');
	city.sql(`UPDATE account SET totp_step = ${step} WHERE totp_step = ${step + 1}`); // as half a minute later
	assert.equal((await again.post('/login/totp', { code: totp(secret, step + 1) }, { follow: false })).status, 303);
	assert.match((await apply(again, 'two-factors')).location, /^\/applications\/\d+\/steps\/1$/);
});

test('step-up leads nowhere else', async () => {
	for (const next of ['https://example.com/', '//example.com', '/\\example.com']) {
		const page = await resident.get(`/account/assurance?identity=1&authentication=1&next=${encodeURIComponent(next)}`, { follow: false });
		assert.equal(page.location, '/account');
	}
});

test('an API token proves one factor', async () => {
	const made = await resident.postJson('/account/tokens', { name: 'test', scope: 'write', days: '30', password: 'machi-demo-2026' });
	const headers = { authorization: `Bearer ${made.json.token ?? made.json.made?.token}` };
	const refused = await city.client().postJson('/procedures/two-factors/apply', { applicant_kind: 'resident' }, { headers });
	assert.equal(refused.status, 403);
	assert.deepEqual(refused.json.present, { identity: 1, authentication: 1 });
});

test('the journal knows the levels', () => {
	assert.match(city.cli('verify'), /problems: 0/);
});
