// Mandates on record: who may act for whom, how it is given, asked for, registered, used and ended.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City, words } from '../lib/city.mjs';
import { office, photo } from '../lib/dog.mjs';

const city = await City.start({ mail: true });
test.after(() => city.stop());
const [principal, agent, third] = await Promise.all([1, 2, 3].map((n) => city.as(`resident${n}@example.jp`)));
const own = await city.office(office), clerk = await city.as(own.clerk), admin = await city.as('admin');
const json = { accept: 'application/json' }, password = 'machi-demo-2026';
const all = { acts: ['apply', 'read', 'receive'], scope: 'all' };
const list = async (client) => (await client.json('/account/mandates')).json;
const nameOf = async (mail) => (await admin.postJson('/staff/residents', { reason: '試験', q: mail })).json.residents[0].name;
const years = (n) => { const d = new Date(Date.now() + 9 * 3600e3); d.setUTCFullYear(d.getUTCFullYear() + n); return d.toISOString().slice(0, 10); };
const names = { principal: await nameOf('resident1@example.jp'), agent: await nameOf('resident2@example.jp') };

let invited = 0;
async function invite(values = {}) {
	const mail = `helper${++invited}@example.jp`;
	const sent = await principal.postJson('/account/mandates/new', { mail, ground: 'letter', password, ...all, ...values });
	assert.ok(sent.status < 400, sent.text);
	return (await city.mailbox.find(mail, /\/account\/mandates\/invitation\/\S+/))[0];
}

// The principal invites by mail, the agent accepts; gives the mandate's id.
async function give(values = {}, { to = agent, answer = 'accept' } = {}) {
	const link = await invite(values);
	const page = await to.get(link);
	assert.equal(page.status, 200, words(page.text));
	assert.ok((await to.submit(page, '/invitation/', { answer })).status < 400);
	return { id: (await list(principal)).mine[0].id, link };
}

test('a principal lets somebody act for them: invited by mail, accepted, seen and ended by both', async () => {
	assert.equal((await principal.postJson('/account/mandates/new', { mail: 'helper@example.jp', ground: 'letter', ...all })).status, 422, 'not without the password');
	assert.equal((await principal.postJson('/account/mandates/new', { mail: 'helper@example.jp', ground: 'letter', scope: 'some', acts: ['apply'], password })).status, 422, 'some of none');
	assert.equal((await principal.postJson('/account/mandates/new', { mail: 'helper@example.jp', ground: 'letter', scope: 'all', password })).status, 422, 'nothing they may do');
	assert.deepEqual((await list(principal)).mine, [], 'nothing came of it');
	const { id, link } = await give({ scope: 'some', procedures: ['tax-certificate', 'no-such'], events: ['tax'] });
	const [mine] = (await list(principal)).mine, [given] = (await list(agent)).given;
	assert.equal(mine.agent_name, names.agent);
	assert.equal(given.principal_name, names.principal);
	assert.equal(given.state, 'active');
	assert.equal(given.scope.length, 2, JSON.stringify(given.scope));
	assert.equal(given.until, new Date(Date.parse(years(1)) - 864e5).toISOString().slice(0, 10), 'a year, both days included');
	const text = JSON.stringify((await agent.json(`/account/mandates/${id}`)).json.mandate);
	assert.ok(!text.includes('resident1@example.jp') && !text.includes('birthday') && !text.includes('address'), 'no more of the principal than the name');
	await city.mailbox.find('resident1@example.jp', new RegExp(`${names.agent}.*引き受けました`));
	assert.equal((await third.get(link)).status, 410, 'a link works once');
	assert.equal((await third.json(`/account/mandates/${id}`)).status, 404, 'others have no such page');
	assert.equal((await third.post(`/account/mandates/${id}/end`)).status, 404);
	assert.equal((await agent.submit(await agent.get(`/account/mandates/${id}`), '/end')).status, 200);
	assert.equal((await list(principal)).mine[0].state, 'ended');
	assert.equal((await principal.post(`/account/mandates/${id}/end`, {}, { headers: json })).status, 409, 'it has ended');
});

test('an invitation is refused, taken back, and not accepted by its own principal', async () => {
	await give({}, { answer: 'refuse' });
	assert.equal((await list(principal)).mine[0].state, 'refused');
	const link = await invite({ ground: 'care' });
	assert.equal((await principal.post(link, { answer: 'accept' }, { headers: json })).status, 409, 'nobody acts for themselves');
	const [{ id }] = (await list(principal)).mine;
	assert.ok((await principal.post(`/account/mandates/${id}/end`)).status < 400);
	assert.equal((await agent.get(link)).status, 410);
	assert.equal((await city.client().get('/account/mandates/invitation/x', { follow: false })).status, 303, 'sign in first');
	assert.equal((await clerk.json('/account/mandates')).status, 403, 'a page of residents');
});

const ask = (values) => agent.post('/account/mandates/ask', [...Object.entries({ name: '街田 みく', ground: 'parent', scope: 'all', file: photo('戸籍.png'), ...values }),
	['acts', 'apply'], ['acts', 'read']], { multipart: true, headers: json, follow: false });

test('a parent asks with a proof; staff look at it; it ends by itself when the child is 18', async () => {
	assert.equal((await ask({ birthday: years(-18) })).status, 422, '18 today');
	assert.equal((await ask({ birthday: '' })).status, 422, 'without the birthday nobody knows the end');
	assert.equal((await ask({ birthday: years(-5), file: new File(['<svg/>'], 'x.svg', { type: 'image/svg+xml' }) })).status, 422, 'no such files');
	assert.equal((await ask({ birthday: years(-5), file: undefined })).status, 422, 'no proof');
	const asked = await ask({ birthday: years(-5), until: years(40) });
	assert.ok(asked.status < 400, asked.text);
	const row = (await list(agent)).given[0];
	assert.equal(row.state, 'waiting');
	assert.equal(row.until, new Date(Date.parse(years(13)) - 864e5).toISOString().slice(0, 10), 'the day before the 18th birthday');
	const page = `/staff/mandates/${row.id}`;
	assert.ok((await clerk.json('/staff/mandates')).json.waiting.some((m) => m.id === row.id));
	assert.equal((await clerk.get(`${page}/file`)).headers.get('content-type'), 'image/png');
	assert.equal((await agent.json(page)).status, 403);
	assert.equal((await clerk.postJson(`${page}/approve`, {})).status, 422, 'what was seen is a must');
	assert.equal((await clerk.submit(await clerk.get(page), '/approve', { seen: '戸籍謄本' })).status, 200);
	assert.equal((await list(agent)).given[0].state, 'active');
	assert.equal((await clerk.postJson(`${page}/refuse`, { reason: '誤り' })).status, 409, 'decided');
	await city.mailbox.find('resident2@example.jp', /確かめて登録しました/);
});

test('staff refuse a proof, register at the counter, search by the exact name, and end', async () => {
	await ask({ ground: 'care', name: '街田 松' });
	const [{ id }] = (await list(agent)).given;
	assert.equal((await clerk.postJson(`/staff/mandates/${id}/refuse`, {})).status, 422, 'with a reason');
	assert.ok((await clerk.postJson(`/staff/mandates/${id}/refuse`, { reason: '期限切れの証です' })).status < 400);
	assert.match(words((await agent.get(`/account/mandates/${id}`)).text), /不成立.*期限切れの証です/);
	const counter = { agent_mail: 'resident2@example.jp', name: '街田 松', ground: 'guardian', seen: '登記事項証明書', ...all };
	assert.equal((await clerk.postJson('/staff/mandates/new', { ...counter, agent_mail: 'nobody@example.jp' })).status, 422);
	assert.equal((await clerk.postJson('/staff/mandates/new', { ...counter, principal_mail: 'nobody@example.jp' })).status, 422);
	assert.equal((await clerk.postJson('/staff/mandates/new', { ...counter, corporate_number: '1234567890123' })).status, 422);
	assert.equal((await clerk.postJson('/staff/mandates/new', { ...counter, principal_mail: 'resident2@example.jp' })).status, 409, 'for oneself');
	assert.equal((await clerk.postJson('/staff/mandates/new', { ...counter, until: '2020-01-01' })).status, 422);
	const made = await clerk.postJson('/staff/mandates/new', { ...counter, principal_mail: 'resident3@example.jp' });
	assert.ok(made.status < 400, made.text);
	const search = async (q) => (await clerk.json(`/staff/mandates?q=${encodeURIComponent(q)}`)).json.found.length;
	assert.ok(await search('街田松') >= 1);
	assert.ok(await search(names.agent) >= 2);
	assert.equal(await search('街田'), 0, 'no browsing by a part of a name');
	assert.equal((await list(third)).mine[0].state, 'active', 'the principal sees it');
	assert.ok((await clerk.postJson(`${made.location}/end`, { reason: '後見の終了' })).status < 400);
	assert.equal((await list(third)).mine[0].state, 'ended');
});

test('the journal holds every step, and it verifies', () => {
	assert.match(city.cli('verify'), /problems: 0/);
});

