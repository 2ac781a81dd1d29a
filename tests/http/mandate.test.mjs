// Mandates on record: who may act for whom, how it is given, asked for, registered, used and ended.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City, until, words } from '../lib/city.mjs';
import { applyFor, applyForTaxCertificate, taxed } from '../lib/apply.mjs';
import { applyByJson, idOf, office, photo } from '../lib/dog.mjs';

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

// --- applying by a mandate on record ---

const tax = await city.office('市民税課');
const begin = async (client, procedure = 'tax-certificate', kind = 'proxy') => idOf((await client.postJson(`/procedures/${procedure}/apply`, { applicant_kind: kind })).location);
const choose = async (client, id, record) => (await client.postJson(`/applications/${id}/mandate`, { record })).status;
const mine = async (client) => Object.values((await client.json('/my')).json).filter(Array.isArray).flat();
const seen = async (client, id) => (await client.json(`/applications/${id}`)).status;
const office2 = (login, id, verb, values = {}) => city.as(login).then((client) => client.postJson(`/staff/applications/${id}/${verb}`, values));

test('an agent applies by a mandate: nothing is typed or shown anew, both see the case, others do not', async () => {
	const { id: record } = await give({ scope: 'some', procedures: ['tax-certificate'] });
	const draft = await begin(agent);
	const page = await agent.get(`/applications/${draft}/mandate`);
	assert.match(words(page.text), new RegExp(`だれのために申請しますか.*${names.principal}`));
	assert.equal((await agent.submit(page, '/mandate', { record: String(record) })).status, 200);
	assert.equal(await seen(principal, draft), 404, 'a draft is the agent\'s');
	const { id, receipt } = await applyForTaxCertificate(agent, 1, { kind: 'proxy', mandate: { record } });
	for (const client of [agent, principal]) {
		assert.equal(await seen(client, id), 200);
		assert.equal((await mine(client)).find((row) => row.number === receipt).on_behalf, names.principal);
	}
	assert.equal(await seen(third, id), 404);
	assert.ok(!(await mine(third)).some((row) => row.number === receipt));
	const text = (await agent.json(`/applications/${id}`)).text;
	assert.ok(!text.includes('resident1@example.jp'), 'no more of the principal than the mandate says');
	const staff = (await (await city.as(tax.clerk)).json(`/staff/applications/${id}`)).json;
	assert.equal(staff.application.mandate.principal_name, names.principal);
	assert.equal(staff.mandate_record.id, record);
	assert.match(staff.mandate_record.proof, /本人がこのサイトで/);
	assert.match(words((await (await city.as(tax.clerk)).get(`/staff/applications/${id}`)).text), /代理の理由 委任状.*納税|代理の理由 委任状.*税/);
	const other = await applyByJson(principal);
	assert.equal(await seen(agent, other.id), 404, 'the principal\'s other things are not the agent\'s');
	assert.equal((await agent.json(`/applications/${other.id}/steps/1`)).status, 404);
	assert.ok((await office2(tax.clerk, id, 'message', { text: '確認します' })).status < 400);
	assert.equal((await agent.json(`/applications/${id}`)).json.messages.length, 1);
	assert.ok((await principal.postJson(`/applications/${id}/messages`, { text: '本人です' })).status < 400, 'the case is the principal\'s');
});

test('a mandate of somebody else, of another procedure, or of nobody is not there', async () => {
	const { id: record } = await give({ scope: 'some', procedures: ['tax-certificate'] });
	const forged = await begin(third);
	assert.equal(await choose(third, forged, record), 404, 'somebody else\'s');
	assert.equal(await choose(third, forged, 999999), 404, 'nobody\'s');
	assert.ok(!(await third.get(`/applications/${forged}/mandate`)).text.includes(names.principal));
	const dog = await begin(agent, 'dog-registration');
	assert.equal(await choose(agent, dog, record), 404, 'the scope does not cover it');
	assert.equal((await agent.json(`/applications/${dog}/mandate`)).json.records?.options.some((o) => o.value === String(record)) ?? false, false);
	const { id: proposed } = (await clerk.json('/staff/mandates')).json.waiting[0] ?? {};
	if (proposed) assert.equal(await choose(agent, await begin(agent), proposed), 404, 'not checked yet');
});

test('what may not be read is not shown: applying alone gives no messages and no documents', async () => {
	const { id: record } = await give({ acts: ['apply'] });
	const { id } = await applyForTaxCertificate(agent, 1, { kind: 'proxy', mandate: { record } });
	for (const [login, verb, values] of [[tax.clerk, 'accept'], [tax.clerk, 'message', { text: '本人への連絡' }], [tax.clerk, 'draft', { outcome: 'granted', ...taxed }], [tax.chief, 'route', { action: 'approve' }]])
		assert.ok((await office2(login, id, verb, values)).status < 400, verb);
	const fee = (await principal.json(`/applications/${id}`)).json.fee_due_yen;
	if (fee) await office2(tax.clerk, id, 'payment', { yen: fee, method: 'cash' });
	const document = await until(async () => (await principal.json(`/applications/${id}`)).json.documents[0], 'the certificate');
	assert.equal((await principal.json(`/applications/${id}`)).json.messages.length, 1);
	const view = (await agent.json(`/applications/${id}`)).json;
	assert.deepEqual([view.messages, view.documents], [[], []]);
	assert.equal((await agent.get(document.href)).status, 404);
	assert.equal((await principal.get(document.href)).status, 200);
});

test('an end in the middle stops the agent at once: before it is sent, and after', async () => {
	const { id: record } = await give();
	const draft = await begin(agent);
	assert.equal(await choose(agent, draft, record), 200);
	const { id, receipt } = await applyForTaxCertificate(agent, 1, { kind: 'proxy', mandate: { record } });
	assert.ok((await principal.post(`/account/mandates/${record}/end`)).status < 400);
	for (const path of [`/applications/${draft}/steps/1`, `/applications/${draft}/confirm`, `/applications/${id}`, `/applications/${id}/withdraw`])
		assert.equal((await agent.json(path)).status, 404, path);
	assert.equal((await agent.postJson(`/applications/${draft}/submit`, {})).status, 404);
	assert.equal((await agent.postJson(`/applications/${id}/messages`, { text: 'まだ?' })).status, 404);
	assert.equal((await agent.postJson(`/applications/${id}/withdraw`, {})).status, 404);
	assert.ok(!(await mine(agent)).some((row) => row.number === receipt || row.id === Number(draft)));
	assert.ok((await office2(tax.clerk, id, 'message', { text: '終わった後の連絡' })).status < 400);
	const told = (who) => city.mailbox.mails.filter((mail) => mail.to.includes(who) && mail.text.includes(receipt)).length;
	await until(() => told('resident1@example.jp') === 2, 'the receipt and the message for the principal');
	assert.ok(told('resident2@example.jp') <= 1, 'of the message only the principal is told');
	assert.equal((await principal.json(`/applications/${id}`)).json.messages.length, 1);
	assert.ok((await principal.postJson(`/applications/${id}/withdraw`, {})).status < 400, 'the principal goes on');
});

test('a mandate whose period is over, or has not begun, allows nothing', async () => {
	const { id: record } = await give();
	const { id } = await applyForTaxCertificate(agent, 1, { kind: 'proxy', mandate: { record } });
	const draft = await begin(agent);
	const [{ from, until: last }] = (await list(principal)).mine;
	for (const [column, day, state] of [['until_date', from, 'active'], ['from_date', last, 'later'], ['until_date', '2020-01-01', 'over']]) {
		if (day < from) city.sql(`UPDATE mandate_record SET from_date = '2019-01-01' WHERE id = ${record}`);
		city.sql(`UPDATE mandate_record SET ${column} = '${day}' WHERE id = ${record}`);
		assert.equal((await list(agent)).given[0].state, state);
		assert.equal(await seen(agent, id), state === 'active' ? 200 : 404, state);
		assert.equal(await choose(agent, draft, record), state === 'active' ? 200 : 404, state);
		city.sql(`UPDATE mandate_record SET from_date = '${from}', until_date = '${last}' WHERE id = ${record}`);
	}
	assert.equal(await seen(agent, id), 200, 'the last day is part of it');
});

test('a protected principal: colleagues who are not named meet nothing, another party cannot act for them', async () => {
	const { id: record } = await give();
	const { id, receipt } = await applyForTaxCertificate(agent, 1, { kind: 'proxy', mandate: { record } });
	const chief = await city.as(own.chief), taxClerk = await city.as(tax.clerk);
	await admin.postJson(`/staff/users/${(await admin.json(`/staff/users?q=${own.chief}`)).json.users[0].id}/add/role`, { role: 'protection' });
	const page = (await chief.postJson('/staff/protection/new', { ground: 'violence', opinion: '警察署', from: '2026-01-01' })).location;
	assert.ok((await chief.postJson(`${page}/subject`, { name: names.principal, mail: 'resident1@example.jp' })).status < 400);
	assert.equal((await taxClerk.json(`/staff/applications/${id}`)).status, 404, 'made for them, hidden as their own');
	assert.ok(!(await taxClerk.json('/staff?scope=all&limit=200')).json.rows.some((row) => row.number === receipt));
	assert.equal((await clerk.json(`/staff/mandates/${record}`)).status, 404);
	assert.deepEqual((await clerk.json(`/staff/mandates?q=${encodeURIComponent(names.principal)}`)).json.found, []);
	assert.equal((await clerk.postJson('/staff/mandates/new', { agent_mail: 'resident1@example.jp', name: '街田 松', ground: 'care', seen: '証', ...all })).status, 422, 'as if there were no such account');
	assert.equal((await chief.json(`/staff/mandates/${record}`)).status, 200, 'who is named sees it');
	assert.equal(await seen(agent, id), 200, 'the agent is not the one they are protected from');
	assert.ok((await chief.postJson(`${page}/party`, { name: names.agent })).status < 400);
	assert.equal(await seen(agent, id), 404);
	assert.equal(await choose(agent, await begin(agent), record), 404);
	assert.equal(await seen(principal, id), 200);
	assert.ok((await chief.postJson(`${page}/end`, { reason: '本人の申出' })).status < 400);
	assert.equal(await seen(agent, id), 200);
});

test('the journal holds every step, and it verifies', () => {
	assert.match(city.cli('verify'), /problems: 0/);
});

