// Who may do what: every route of the office against every kind of person, as one table. The routes come from the
// routing tables (openapi.json): one without a row here fails.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp');
const own = await city.office(office), other = await city.office('道路管理課');
const post = async (login, id, verb, values = {}) => {
	const done = await (await city.as(login)).postJson(`/staff/applications/${id}/${verb}`, values);
	assert.ok(done.status < 400, `${login} ${verb}: ${done.status} ${done.text}`);
};

// An application in each state that the acts below need.
async function application(...acts) {
	const { id } = await applyByJson(resident);
	for (const [login, verb, values] of acts) await post(login, id, verb, values);
	return id;
}
const accept = [own.clerk, 'accept'], draft = [own.clerk, 'draft', { outcome: 'granted' }];
const submitted = await application(), taken = await application(accept), asked = await application(accept), cancelled = await application();
const corrected = await application([own.clerk, 'correction', { field: 'dog.colour', message: '毛色を確かめてください。' }]);
const drafted = await application(accept, draft), granted = await application(accept, draft, [own.chief, 'route', { action: 'approve' }]);

// API tokens of the head of the section, who may nearly everything: one with nothing ticked, one that may read.
async function token(rights) {
	const page = await (await city.as(own.head)).post('/account/tokens', [['name', 'robot'], ['scope', 'write'], ['days', '7'],
		['password', 'machi-demo-2026'], ...rights.map((right) => ['rights', right])]);
	return page.text.match(/machi_[\w-]{43}/)[0];
}
const bearer = { bare: await token([]), reader: await token(['application.read']) };
const logins = { resident: 'resident2@example.jp', elsewhere: other.clerk, clerk: own.clerk2, chief: own.chief, head: own.head,
	records: 'records', operator: 'operator', admin: 'admin', auditor: 'auditor', security: 'security' };
const colleague = (await (await city.as('admin')).json(`/staff/users?q=${own.clerk}`)).json.users.find((u) => u.login === own.clerk).id;
const department = (await (await city.as('admin')).json('/staff/departments')).json.departments[0].id;
const user = `/staff/users/${colleague}`, away = `/staff/absences/${colleague}`, section = `/staff/departments/${department}`;

// Whose work it is not must say why before they look (403 until then).
for (const login of ['records', 'auditor']) await city.why(login, taken);

// A letter for each person, in this order: "." goes through, also when what was sent is a mistake or comes too late;
// 1 sign in first; 3 may not; 4 is not there (for them).
const people = ['anonymous', 'resident', 'elsewhere', 'clerk', 'chief', 'head', 'records', 'operator', 'admin', 'auditor', 'bare', 'reader'];
const meaning = { 401: '1', 403: '3', 404: '4' };
const everybody = '13..........', operator = '1333333.3333', noJob = '133333343333', admin = '13333333.333', noRow = '133333334333', noSystem = '133333334333';
const nobody = '133333333333'; // until somebody is given the role
const reads = '134....44.4.', works = '134...344343', decides = '1343..344343', revokes = '13433..44343', nobodys = '134333344343';
const officers = '133333333333'; // none of these: the security officers alone
const records = '1333...33333', noRecord = '133344433333', exports = '13333..33.33', noExport = '133334433433';
const mandates = '13....333333', noMandate = '134444333333';
const act = (id, verb, want, body) => [`/staff/applications/${id}/${verb}`, want, body];
const table = {
	'get /staff': ['/staff', '13........3.'],
	'post /staff/bulk': ['/staff/bulk', everybody],
	'get /staff/applications/{id}': [`/staff/applications/${taken}`, reads],
	'get /staff/applications/{id}/print.pdf': [`/staff/applications/${taken}/print.pdf`, reads],
	'post /staff/applications/{id}/accept': act(submitted, 'accept', works),
	'post /staff/applications/{id}/assign': act(taken, 'assign', works, { staff: 999999 }),
	'post /staff/applications/{id}/forward': act(taken, 'forward', works, { department: 999999, reason: '誤り' }),
	'post /staff/applications/{id}/correction': act(asked, 'correction', works, { field: 'dog.colour', message: '毛色を確かめてください。' }),
	'post /staff/applications/{id}/cancel-correction': act(corrected, 'cancel-correction', works, { reason: '電話で聞いた' }),
	'post /staff/applications/{id}/message': act(taken, 'message', works, { text: 'こんにちは' }),
	'post /staff/applications/{id}/note': act(taken, 'note', works, { text: '覚え' }),
	'post /staff/applications/{id}/payment': act(taken, 'payment', works, { yen: 1, method: 'cash' }),
	'post /staff/applications/{id}/waive': act(taken, 'waive', works, { reason: '減免' }),
	'post /staff/applications/{id}/draft': act(taken, 'draft', works, { outcome: 'maybe' }),
	'post /staff/applications/{id}/route': act(drafted, 'route', '1343.3344343', { action: 'comment', comment: '確認' }),
	'post /staff/applications/{id}/review': act(granted, 'review', nobodys),
	'post /staff/applications/{id}/cancel': act(cancelled, 'cancel', decides, { reason: '重複' }),
	'post /staff/applications/{id}/close': act(granted, 'close', works),
	'post /staff/applications/{id}/hold': act(granted, 'hold', works, { reason: '開示請求' }),
	'post /staff/applications/{id}/revoke': act(granted, 'revoke', revokes, { code: 'x', reason: '誤記' }),
	'post /staff/applications/{id}/reissue': act(granted, 'reissue', revokes, { code: 'x' }),
	'get /staff/my-number/{id}': [`/staff/my-number/${taken}`, '134444444444'],
	'post /staff/my-number/{id}': [`/staff/my-number/${taken}`, '134444444444', { purpose: '' }],
	'get /staff/counter': ['/staff/counter', '13....333333'],
	'post /staff/counter/{id}': ['/staff/counter/dog-registration', '133...333333'],
	'get /staff/statistics': ['/staff/statistics', everybody],
	'get /account/notices': ['/account/notices', everybody],
	'post /account/notices': ['/account/notices', '13........33'],
	'get /staff/procedures': ['/staff/procedures', everybody],
	'get /staff/procedures.csv': ['/staff/procedures.csv', everybody],
	'post /staff/procedures/import': ['/staff/procedures/import', operator],
	'get /staff/export.csv': ['/staff/export.csv', exports],
	'get /staff/export.xlsx': ['/staff/export.xlsx', exports],
	'get /staff/exports': ['/staff/exports', exports],
	'get /staff/exports/new': ['/staff/exports/new', exports],
	'post /staff/exports/new': ['/staff/exports/new', exports, { purpose: '' }],
	'get /staff/exports/identify': ['/staff/exports/identify', officers],
	'post /staff/exports/identify': ['/staff/exports/identify', officers],
	'get /staff/exports/{id}': ['/staff/exports/999999', noExport],
	'get /staff/exports/{id}.csv': ['/staff/exports/999999.csv', noExport],
	'get /staff/exports/{id}.xlsx': ['/staff/exports/999999.xlsx', noExport],
	'post /staff/exports/{id}/{verb}': ['/staff/exports/999999/approve', noExport, { comment: '了承' }],
	'get /staff/records': ['/staff/records', records],
	'post /staff/records': ['/staff/records', records],
	'get /staff/records.csv': ['/staff/records.csv', records],
	'get /staff/records/disposals': ['/staff/records/disposals', records],
	'get /staff/records/disposals/{id}': ['/staff/records/disposals/999999', noRecord],
	'get /staff/records/disposals/{id}.csv': ['/staff/records/disposals/999999.csv', noRecord],
	'post /staff/records/disposals/{id}/approve': ['/staff/records/disposals/999999/approve', noRecord],
	'post /staff/records/disposals/{id}/refuse': ['/staff/records/disposals/999999/refuse', noRecord],
	'post /staff/records/disposals/{id}/take_back': ['/staff/records/disposals/999999/take_back', noRecord],
	'get /staff/absences': ['/staff/absences', everybody],
	'get /staff/absences/{staff}': [away, '13444.44.4..'],
	'get /staff/absences/{staff}/absence/{row}': [`${away}/absence/new`, '13444.44.4..'],
	'post /staff/absences/{staff}/absence/{row}': [`${away}/absence/new`, '13444.44.433'],
	'get /staff/absences/{staff}/deputy/{row}': [`${away}/deputy/new`, '13444.44.4..'],
	'post /staff/absences/{staff}/deputy/{row}': [`${away}/deputy/new`, '13444.44.433'],
	'post /staff/absences/{staff}/end': [`${away}/end`, '134444444433', { kind: 'absence', row: '999999' }],
	'get /staff/rights': ['/staff/rights', everybody],
	'get /staff/rights/{staff}': [`/staff/rights/${colleague}`, '13444444.444'],
	'get /staff/roles': ['/staff/roles', admin],
	'get /staff/emergency': ['/staff/emergency', everybody],
	'post /staff/emergency': ['/staff/emergency', '13........33'],
	'post /staff/emergency/{id}/review': ['/staff/emergency/999999/review', '133334333333'],
	'get /staff/mandates': ['/staff/mandates', mandates],
	'get /staff/mandates/new': ['/staff/mandates/new', mandates],
	'post /staff/mandates/new': ['/staff/mandates/new', mandates],
	'get /staff/mandates/{id}': ['/staff/mandates/999999', noMandate],
	'get /staff/mandates/{id}/file': ['/staff/mandates/999999/file', noMandate],
	'post /staff/mandates/{id}/{do}': ['/staff/mandates/999999/end', noMandate, { reason: '誤り' }],
	'get /staff/protection': ['/staff/protection', nobody],
	'get /staff/protection/new': ['/staff/protection/new', nobody],
	'post /staff/protection/new': ['/staff/protection/new', nobody],
	'get /staff/protection/{id}': ['/staff/protection/1', nobody],
	'post /staff/protection/{id}/{do}': ['/staff/protection/1/end', nobody],
	'get /staff/protection/{id}/applications': ['/staff/protection/1/applications', nobody],
	'post /staff/protection/{id}/applications': ['/staff/protection/1/applications', nobody, { application: 1, state: 'other' }],
	'get /staff/systems': ['/staff/systems', admin],
	'get /staff/systems/new': ['/staff/systems/new', admin],
	'post /staff/systems/new': ['/staff/systems/new', admin, { name: '' }],
	'get /staff/systems/{id}': ['/staff/systems/999999', noSystem],
	'post /staff/systems/{id}': ['/staff/systems/999999', noSystem, { name: '' }],
	'get /staff/users': ['/staff/users', admin],
	'get /staff/users/new': ['/staff/users/new', admin],
	'post /staff/users/new': ['/staff/users/new', admin],
	'get /staff/users/import': ['/staff/users/import', admin],
	'post /staff/users/import': ['/staff/users/import', admin],
	'get /staff/users/{id}': [user, admin],
	'get /staff/users/{id}/edit': [`${user}/edit`, admin],
	'post /staff/users/{id}/edit': [`${user}/edit`, admin, { name: '' }],
	'get /staff/users/{id}/add/{kind}': [`${user}/add/post`, admin],
	'post /staff/users/{id}/add/{kind}': [`${user}/add/post`, admin],
	'post /staff/users/{id}/end': [`${user}/end`, noRow, { kind: 'post', row: '999999' }],
	'get /staff/users/{id}/sessions': [`${user}/sessions`, admin],
	'post /staff/users/{id}/sessions': [`${user}/sessions`, admin, { session: 'none' }],
	'post /staff/users/{id}/do': [`${user}/do`, admin, { do: 'nothing' }],
	'get /staff/residents': ['/staff/residents', admin],
	'post /staff/residents': ['/staff/residents', admin],
	'post /staff/residents/{id}/do': ['/staff/residents/999999/do', noRow, { do: 'lock' }],
	'get /staff/departments': ['/staff/departments', admin],
	'get /staff/departments/new': ['/staff/departments/new', admin],
	'post /staff/departments/new': ['/staff/departments/new', admin],
	'get /staff/departments/{id}': [section, admin],
	'post /staff/departments/{id}': [section, admin, { name: '' }],
	'post /staff/reason': ['/staff/reason', everybody, { subject: 'application:999999', reason: '監査' }],
	'get /staff/trail': ['/staff/trail', officers],
	'get /staff/trail.csv': ['/staff/trail.csv', officers],
	'get /staff/trail/alerts': ['/staff/trail/alerts', officers],
	'post /staff/trail/alerts': ['/staff/trail/alerts', officers],
	'get /staff/trail/alerts/{id}': ['/staff/trail/alerts/1', officers],
	'post /staff/trail/alerts/{id}/{verb}': ['/staff/trail/alerts/1/take', officers],
	'get /staff/outbox': ['/staff/outbox', operator],
	'get /staff/outbox/{id}': ['/staff/outbox/999999', noJob],
	'post /staff/outbox/{id}/send': ['/staff/outbox/999999/send', noJob],
	'post /staff/outbox/{id}/discard': ['/staff/outbox/999999/discard', noJob],
	'get /staff/jobs': ['/staff/jobs', operator],
	'post /staff/jobs/{id}/retry': ['/staff/jobs/999999/retry', noJob],
	'post /staff/jobs/{id}/discard': ['/staff/jobs/999999/discard', noJob],
};

async function ask(person, method, path, body = {}) {
	const client = logins[person] ? await city.as(logins[person]) : city.client();
	const headers = { accept: 'application/json', ...bearer[person] && { authorization: `Bearer ${bearer[person]}` } };
	const { status } = await (method === 'get' ? client.request('GET', path, { headers, follow: false }) : client.postJson(path, body, { headers }));
	return meaning[status] ?? (status < 500 ? '.' : String(status));
}

test('every route of the office answers each person as declared', async () => {
	const { paths } = (await city.client().json('/api/openapi.json')).json;
	const routes = Object.entries(paths).filter(([path]) => path.startsWith('/staff') || path === '/account/notices')
		.flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method} ${path}`));
	assert.deepEqual(Object.keys(table).sort(), routes.sort(), 'a row for each route');
	const wrong = [];
	for (const [route, [path, want, body]] of Object.entries(table)) {
		assert.equal(want.length, people.length, route);
		const got = {};
		// Those who may not come first: after the others the application may have moved on.
		for (const may of [false, true])
			for (const [i, person] of people.entries())
				if ((want[i] === '.') === may) got[person] = await ask(person, route.split(' ')[0], path, body);
		for (const [i, person] of people.entries())
			if (got[person] !== want[i]) wrong.push(`${route}: ${person} gets ${got[person]}, declared is ${want[i]}`);
	}
	assert.deepEqual(wrong, []);
});

test('everybody begins where their work is, with a menu of what they may open', async () => {
	const homes = { clerk: '/staff', chief: '/staff', head: '/staff', records: '/staff/records', operator: '/staff/jobs', admin: '/staff/users', auditor: '/journal', security: '/staff/trail', resident: '/my' };
	for (const [person, home] of Object.entries(homes)) {
		const client = await city.as(logins[person]);
		assert.equal((await client.get('/login', { follow: false })).location, home, person);
		const page = await client.get(home);
		assert.equal(page.status, 200, person);
		if (person === 'resident') continue;
		const menu = [...page.text.match(/<nav class="m-nav m-nav--staff"[\s\S]*?<\/nav>/)[0].matchAll(/href="([^"]+)"/g)].map((m) => m[1]);
		assert.ok(menu.includes(home), `${person}: ${menu}`);
		assert.equal(menu.includes('/staff'), !['operator', 'admin', 'security'].includes(person), `${person}: ${menu}`);
		for (const href of menu) assert.equal((await client.get(href, { follow: false })).status, 200, `${person} ${href}`);
	}
	for (const person of ['operator', 'admin', 'security']) assert.equal((await (await city.as(logins[person])).get('/staff', { follow: false })).location, homes[person]);
});
