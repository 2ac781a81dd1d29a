// Who reads personal data leaves a note, whichever route shows it. The routes come from the routing tables
// (openapi.json): one that is neither asked here nor excused with a reason fails.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City, until } from '../lib/city.mjs';
import { applyByJson, office, photo } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp'), officer = await city.as('security');
const own = await city.office(office), other = await city.office('道路管理課');
const clerk = await city.as(own.clerk), admin = await city.as('admin'), operator = await city.as('operator');
const post = async (login, id, verb, values = {}) => {
	const done = await (await city.as(login)).postJson(`/staff/applications/${id}/${verb}`, values);
	assert.ok(done.status < 400, `${login} ${verb}: ${done.status} ${done.text}`);
};
const trail = async (query = '') => (await officer.json(`/staff/trail?${query}`)).json.readings;
const number = async (id) => (await clerk.json(`/staff/applications/${id}`)).json.application.number;

const { id } = await applyByJson(resident);
const counter = (await clerk.postJson('/staff/counter/dog-registration', { applicant_kind: 'resident' })).location.match(/applications\/(\d+)/)[1];
const { id: granted } = await applyByJson(resident);
await post(own.clerk, granted, 'accept');
await post(own.clerk, granted, 'draft', { outcome: 'granted' });
await post(own.chief, granted, 'route', { action: 'approve' });
const document = await until(async () => (await clerk.json(`/staff/applications/${granted}`)).json.documents[0], 'the document');
const blob = (await clerk.json(`/staff/applications/${id}`)).json.files[0]?.blob;
const colleague = (await admin.json(`/staff/users?q=${own.clerk}`)).json.users[0].id;
const mail = (await operator.json('/staff/outbox')).json.notices[0];

await resident.post('/my/readings/ask', { text: 'なぜですか' });
const asked = (await officer.json('/staff/trail/alerts')).json.alerts[0].id;

// A protected person, for whom a chief is named.
const chief = await city.as(own.chief);
await admin.postJson(`/staff/users/${(await admin.json(`/staff/users?q=${own.chief}`)).json.users[0].id}/add/role`, { role: 'protection' });
const protection = (await chief.postJson('/staff/protection/new', { ground: 'violence', opinion: '警察署' })).location;
await chief.postJson(`${protection}/subject`, { name: '見本 花' });

// Somebody registered as acting for another, and a proof that somebody sent.
const helped = { name: '街田 松', ground: 'guardian', scope: 'all', acts: ['apply'] };
const mandate = (await clerk.postJson('/staff/mandates/new', { ...helped, agent_mail: 'resident1@example.jp', seen: '登記事項証明書' })).location;
await resident.post('/account/mandates/ask', { ...helped, acts: 'apply', file: photo('証明.png') });
const proof = (await clerk.json('/staff/mandates')).json.waiting[0].id;

// A resident, as the counter finds them.
const known = city.sql("SELECT id FROM account WHERE login_key = 'resident2@example.jp'").trim();

// Routes that show personal data to staff: who asks, what, and the kind of note.
const noted = {
	'get /staff': [own.clerk, '/staff', 'list'],
	'get /staff/applications/{id}': [own.clerk, `/staff/applications/${id}`, 'read'],
	'get /staff/applications/{id}/print.pdf': [own.clerk, `/staff/applications/${id}/print.pdf`, 'print'],
	'get /applications/{id}': [own.clerk, `/applications/${counter}`, 'read'],
	'get /applications/{id}/steps/{step}': [own.clerk, `/applications/${counter}/steps/1`, 'read'],
	'get /applications/{id}/confirm': [own.clerk, `/applications/${counter}/confirm`, 'read'],
	'get /applications/{id}/mandate': [own.clerk, `/applications/${counter}/mandate`, 'read'],
	'get /applications/{id}/withdraw': [own.clerk, `/applications/${counter}/withdraw`, 'read'],
	'get /applications/{id}/correct': [own.clerk, `/applications/${counter}/correct`, 'read'],
	...blob && { 'get /applications/{id}/files/{blob}': [own.clerk, `/applications/${id}/files/${blob}`, 'file'] },
	'get /documents/{code}.pdf': [own.clerk, document.href, 'document'],
	'get /staff/export.csv': [own.head, '/staff/export.csv?scope=all&tab=office', 'export'],
	'get /staff/export.xlsx': [own.head, '/staff/export.xlsx?scope=all&tab=office', 'export'],
	'get /staff/users': ['admin', '/staff/users', 'staff'],
	'get /staff/users/{id}': ['admin', `/staff/users/${colleague}`, 'staff'],
	'get /staff/users/{id}/edit': ['admin', `/staff/users/${colleague}/edit`, 'staff'],
	'get /staff/users/{id}/sessions': ['security', `/staff/users/${colleague}/sessions`, 'staff'],
	'get /staff/absences/{staff}': ['admin', `/staff/absences/${colleague}`, 'staff'],
	'get /staff/protection': [own.chief, '/staff/protection', 'list'],
	'get /staff/protection/{id}': [own.chief, protection, 'read'],
	'get /staff/protection/{id}/applications': [own.chief, `${protection}/applications`, 'list'],
	'get /staff/mandates': [own.clerk, '/staff/mandates', 'list'],
	'get /staff/mandates/{id}': [own.clerk, mandate, 'read'],
	'get /staff/mandates/{id}/file': [own.clerk, `/staff/mandates/${proof}/file`, 'file'],
	'get /staff/outbox': ['operator', '/staff/outbox', 'mail'],
	'get /staff/outbox/{id}': ['operator', `/staff/outbox/${mail.id}`, 'mail'],
	'get /staff/trail': ['security', '/staff/trail', 'search'],
	'get /staff/trail.csv': ['security', '/staff/trail.csv', 'export'],
	'get /staff/trail/alerts': ['security', '/staff/trail/alerts', 'list'],
	'get /staff/trail/alerts/{id}': ['security', `/staff/trail/alerts/${asked}`, 'read'],
	'get /staff/residents/{id}/proof': ['admin', `/staff/residents/${known}/proof`, 'look-up'],
	'post /staff/residents': ['admin', '/staff/residents', 'look-up', { q: 'resident1@example.jp', reason: '電話の問合せ' }],
	// A refused act shows the case again.
	'post /staff/applications/{id}/draft': [own.clerk, `/staff/applications/${id}/draft`, 'read', { outcome: 'maybe' }],
};

// All other routes, and why they leave none. A pattern stands for the routes that it fits.
const excused = [
	[/^(get|post) \/(api|assets|healthz|metrics|verify|journal|procedures|register|login|logout|confirm|password|openapi)/, 'public: nothing of a person, or only what the visitor typed'],
	[/^(get|post) \/$/, 'public'],
	[/^(get|post) \/(my|account)/, "one's own data"],
	[/^get \/applications\/\{id\}\/(receipt|print)\.pdf$/, 'residents only: their own'],
	[/^get \/applications\/\{id\}\/files/, 'as above, when the demo application has a file'],
	[/^post \/applications/, "an applicant's own act, or the counter's typing: the answer is what was sent"],
	[/^post \/procedures/, "an applicant's own draft"],
	[/^post \/staff\/applications\/\{id\}\//, 'changes: noted as such, below; a refused one shows the case, above'],
	[/^post \/staff\/bulk$/, 'changes of each case: noted as such'],
	[/^(get|post) \/staff\/counter/, 'procedures only'],
	[/^get \/staff\/(statistics|procedures|procedures\.csv)$/, 'numbers only'],
	[/^post \/staff\/procedures\/import$/, 'no personal data'],
	[/^(get|post) \/staff\/records/, 'titles, numbers and days of files, no names and no answers'],
	[/^(get|post) \/staff\/(jobs|departments|reason|keys)/, 'no personal data'],
	[/^get \/staff\/exports\/\{id\}\.(csv|xlsx)$/, 'noted with number and purpose: exports.test.mjs asks for it'],
	[/^(get|post) \/staff\/exports/, 'requests: numbers and purposes, nothing of residents'],
	[/^post \/staff\/trail\/alerts/, 'acts of officers: each in the history of its alert'],
	[/^post \/staff\/outbox/, 'acts on mails, shows none'],
	[/^(get|post) \/staff\/(users\/new|users\/import)/, 'forms; what was typed'],
	[/^get \/staff\/users\/\{id\}\/add/, 'a form for a post or role; the name stands in the breadcrumb alone'],
	[/^post \/staff\/(users|residents)\//, "changes of accounts: in the journal with the account's state"],
	[/^(get|post) \/staff\/my-number/, 'noted with the purpose: my-number.test.mjs asks for it'],
	[/^get \/staff\/residents$/, 'the empty form'],
	[/^(get|post) \/staff\/emergency/, 'numbers, reasons and findings; the record itself is noted when it is read'],
	[/^(get|post) \/staff\/mandates\/new$/, 'a form; what was typed'],
	[/^post \/staff\/mandates\/\{id\}\//, 'changes: in the journal; a refused one shows the page above, which notes it'],
	[/^(get|post) \/staff\/protection\/new$/, 'a form; what was typed'],
	[/^post \/staff\/protection\/\{id\}\//, 'changes: in the journal; a refused one shows the page above, which notes it'],
	[/^get \/applications\/\{id\}\/signature\/document\.json$/, 'of a draft, for who fills it in'],
	[/^get \/applications\/\{id\}\/signature\/package\.tar$/, 'noted as a file: signature.test.mjs asks for it'],
	[/^(get|post) \/(\.well-known|oidc)/, 'what people let another system know of themselves'],
	[/^(get|post) \/staff\/systems/, 'other systems, nothing of people'],
	[/^(get|post) \/staff\/(rights|roles)/, 'who may do what: posts and roles, nothing of residents'],
	[/^get \/staff\/absences$/, 'who is away today, for all staff'],
	[/^(get|post) \/staff\/absences\/\{staff\}\//, 'a form for an absence or deputy, of oneself or those one manages'],
];

test('every route that shows personal data leaves a note', async () => {
	const { paths } = (await city.client().json('/api/openapi.json')).json;
	const routes = Object.entries(paths).flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`));
	const unknown = routes.filter((route) => !noted[route] && !excused.some(([pattern]) => pattern.test(route)));
	assert.deepEqual(unknown, [], 'these give personal data or not? Note it, or say why not');
	assert.deepEqual(Object.keys(noted).filter((route) => !routes.includes(route)), [], 'no such routes');
	// The newest one of a kind by somebody. Asking for it is an export or a search of the officer's own.
	const newest = async (kind, who) => (kind === 'export' ? (await trail(`kind=export&who=${who}`))[0]?.id
		: (await officer.get(`/staff/trail.csv?kind=${kind}&who=${who}`)).text.split('\r\n').length);
	for (const [route, [who, path, kind, body]] of Object.entries(noted)) {
		const client = await city.as(who);
		for (const accept of ['application/json', 'text/html']) {
			const before = await newest(kind, who);
			const page = body ? await client.postJson(path, body, { headers: { accept } }) : await client.get(path, { headers: { accept }, follow: false });
			assert.ok(page.status < 500 && page.status !== 403 && page.status !== 404, `${route}: ${page.status}`);
			assert.notEqual(await newest(kind, who), before, `${route} as ${accept} left no ${kind}`);
		}
	}
});

test('the trail says who looked, at what, for what purpose', async () => {
	const receipt = await number(id);
	await clerk.get(`/staff/applications/${id}`);
	const [row] = await trail(`whom=${receipt}&kind=read`);
	assert.equal(row.number, receipt);
	assert.match(row.place, new RegExp(`${office} 係員`));
	assert.match(row.purpose, /の事務/);
	assert.equal(row.beyond, false);
	assert.equal(row.count, 1);
	const changes = await trail(`whom=${await number(granted)}&kind=change`);
	assert.ok(changes.some((c) => c.verb === 'application.accepted') && changes.some((c) => c.verb.endsWith('approved') || c.verb.endsWith('decided')), JSON.stringify(changes.map((c) => c.verb)));
	assert.deepEqual((await trail('whom=resident1@example.jp&kind=read')).map((r) => r.person).filter((p, i, all) => all.indexOf(p) === i).length, 1);
	assert.equal((await trail('whom=nobody@example.jp')).length, 0);
	assert.equal((await trail(`who=${own.head}&kind=read`)).length, 0);
	assert.ok((await trail('q=電話の問合せ')).every((r) => r.kind === 'look-up'));
});

test('whoever looks beyond their own work says why, once for some hours', async () => {
	const auditor = await city.as('auditor'), path = `/staff/applications/${id}`;
	const asked = await auditor.json(path);
	assert.equal(asked.status, 403);
	assert.equal(asked.json.reason_needed, true);
	assert.ok(!asked.text.includes('answers'), 'nothing of the case is shown');
	for (const file of [`${path}/print.pdf`, document.href]) {
		const led = await auditor.get(file, { follow: false });
		assert.match(led.location, /\/staff\/applications\/\d+$/, file);
	}
	const page = await auditor.get(path);
	assert.equal(page.status, 403);
	const empty = await auditor.submit(page, '/staff/reason', { reason: ' ' });
	assert.equal(empty.status, 422);
	assert.match(empty.text, /理由を入力してください/);
	const shown = await auditor.submit(empty, '/staff/reason', { reason: '6月分の監査' });
	assert.equal(shown.status, 200);
	assert.match(shown.text, /m-facts/);
	const [row] = await trail(`who=auditor&kind=read`);
	assert.deepEqual([row.beyond, row.reason], [true, '6月分の監査']);
	assert.equal((await auditor.get(path)).status, 200, 'asked once');
	// Elsewhere the redirect stays on this site.
	const away = await auditor.post('/staff/reason', { subject: `application:${id}`, reason: 'x', next: '//evil.example/' }, { follow: false });
	assert.equal(away.location, '/staff');
	assert.equal((await (await city.as(other.clerk)).get(path)).status, 404, 'a reason opens nothing');
	// What ended long ago is beyond the department's work.
	const [old] = (await (await city.as('records')).json('/staff/records')).json.rows;
	const formerly = await city.as((await city.office(old.department_name)).clerk);
	assert.equal((await formerly.get(`/staff/applications/${old.id}`)).status, 403);
	const lookup = await admin.post('/staff/residents', { q: 'resident1@example.jp' });
	assert.equal(lookup.status, 422);
	assert.doesNotMatch(lookup.text, /resident1@example\.jp<\/td>/);
});

test('residents see on their own page who looked, and take it along', async () => {
	const page = await resident.json('/my/readings');
	const mine = page.json.readings;
	assert.ok(mine.length > 3);
	assert.ok(mine.some((r) => r.reason === '6月分の監査'));
	assert.ok(mine.every((r) => r.place && r.purpose && !('name' in r) && !('address' in r) && !('detail' in r)), JSON.stringify(mine[0]));
	const html = await resident.get('/my/readings');
	assert.match(html.text, new RegExp(`${office} 係員`));
	assert.match((await resident.get('/en/my/readings')).text, /Who looked at my data/);
	assert.match((await resident.get('/my/readings?print=1')).text, /m-page--print/);
	const csv = await resident.get('/my/readings.csv');
	assert.match(csv.headers.get('content-type'), /text\/csv/);
	assert.ok(csv.text.trim().split('\r\n').length > mine.length);
	assert.match(csv.text, /受け付け|受付/); // what was changed
	const stranger = (await (await city.as('resident2@example.jp')).json('/my/readings')).json;
	assert.ok(!stranger.readings.some((r) => r.reason === '6月分の監査'));
	// Page by page nothing is missing and nothing twice.
	for (let i = 0; i < 40; i++) await clerk.get(`/staff/applications/${granted}`, { headers: { accept: 'application/json' } });
	const first = (await resident.json('/my/readings')).json, second = (await resident.json(first.next)).json;
	assert.equal(first.readings.length, 30);
	const ids = [...first.readings, ...second.readings].map((r) => r.id);
	assert.equal(new Set(ids).size, ids.length);
});

test('administrators and officers see where a member of staff is signed in, and end it', async () => {
	const stolen = await city.client().login(own.clerk2);
	const { id: staff } = (await admin.json(`/staff/users?q=${own.clerk2}`)).json.users[0];
	for (const client of [admin, officer]) {
		const page = await client.get(`/staff/users/${staff}/sessions`);
		assert.match(page.text, /サインイン/);
		assert.ok((await client.json(`/staff/users/${staff}/sessions`)).json.sessions.length >= 1);
	}
	assert.equal((await clerk.get(`/staff/users/${staff}/sessions`)).status, 403);
	assert.equal((await clerk.post(`/staff/users/${staff}/sessions`, { session: 'all' })).status, 403);
	await officer.post(`/staff/users/${staff}/sessions`, { session: 'all' });
	assert.equal((await stolen.json('/account')).status, 401);
	assert.equal((await officer.json('/staff/users/999999/sessions')).status, 404);
});

test('what was read is proven by the journal, and survives an ordered stop', async () => {
	const receipt = await number(granted); // reads it
	assert.equal(await city.kill(), 0);
	assert.match(city.cli('verify'), /problems: 0/);
	await city.serve();
	const again = await city.client().login('security');
	assert.equal((await again.json(`/staff/trail?who=${own.clerk}&kind=read`)).json.readings[0].number, receipt);
});
