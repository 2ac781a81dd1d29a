// Who may do what. docs/permissions.md is what people reviewed: `machi rights` must print it, and the server must
// answer every role on every route as it says. What a handler asks beyond its route's permission stands in two
// tables here; a route that is in none of them fails.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, root, until } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());
const admin = await city.as('admin'), resident = await city.as('resident1@example.jp');
const own = await city.office(office), other = await city.office('道路管理課');
const post = async (login, id, verb, values = {}) => {
	const done = await (await city.as(login)).postJson(`/staff/applications/${id}/${verb}`, values);
	assert.ok(done.status < 400, `${login} ${verb}: ${done.status} ${done.text}`);
};

// --- what is declared ---

const custom = { desk: ['application.read', 'application.check'] };
mkdirSync(join(city.dir, 'demo/custom'), { recursive: true });
writeFileSync(join(city.dir, 'demo/custom/roles.yaml'), `roles:
  - name: desk
    title: {ja: 窓口, en: Desk}
    permissions: [${custom.desk}]
    procedures: [dog-registration]
  - name: parks
    title: {ja: 公園, en: Parks}
    permissions: [application.read, application.check, application.decide]
    procedures: [no-such-procedure]
`);
city.process.kill('SIGHUP');
await until(async () => (await admin.json('/staff/roles')).json.roles.some((r) => r.role === 'parks'), 'the roles of the city');

// The rows of a printed table: {head, rows}.
const table = (text, title) => {
	const [head, , ...rows] = text.split(`## ${title}\n`)[1].trim().split('\n\n')[0].split('\n').map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
	return { head, rows };
};
function rightsIn(text) {
	const { head, rows } = table(text, 'What each role may do'), whole = table(text, 'Which classes of fields it shows, and whether it is for the whole city only').rows.at(-1);
	return {
		roles: Object.fromEntries(head.slice(1).map((role, i) => [role, new Set(rows.filter((row) => row[i + 1]).map((row) => row[0]))])),
		wholeCity: head.slice(1).filter((role, i) => whole[i + 1]),
		routes: table(text, 'What each route asks for').rows.map(([method, path, perm]) => ({ method, path, perm })),
	};
}
const reviewed = rightsIn(readFileSync(join(root, 'docs/permissions.md'), 'utf8'));
const declared = rightsIn(city.cli('rights', '--city', 'demo'));
const anywhere = ['public', 'signed-in', 'resident', 'staff'];

// --- who and what there is ---

// Somebody without a post, who is given one role after the other: what counts, counts at once.
const password = city.cli('user', 'add-staff', 'matrix', '--name', '役割 試', '--generate').match(/password: (\S+)/)[1];
const matrix = await city.client().login('matrix', password);
const staff = async (login) => (await admin.json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login).id;
const subject = await staff('matrix');
const colleague = await staff(own.clerk);
const departments = (await admin.json('/staff/departments')).json.departments;
const hygiene = departments.find((d) => d.name === office).id, roads = departments.find((d) => d.name === '道路管理課').id;

// An application in each state that the acts below need.
async function application(...acts) {
	const { id } = await applyByJson(resident);
	for (const [login, verb, values] of acts) await post(login, id, verb, values);
	return id;
}
const accept = [own.clerk, 'accept'], draft = [own.clerk, 'draft', { outcome: 'granted' }];
const submitted = await application(), taken = await application(accept), asked = await application(accept), cancelled = await application();
await post(own.clerk, submitted, 'assign', { staff: await staff(own.clerk2) }); // what is assigned to somebody, they see
const corrected = await application([own.clerk, 'correction', { field: 'dog.colour', message: '毛色を確かめてください。' }]);
const drafted = await application(accept, draft), granted = await application(accept, draft, [own.chief, 'route', { action: 'approve' }]);
const logins = { resident: 'resident2@example.jp', elsewhere: other.clerk, clerk: own.clerk2, chief: own.chief, head: own.head,
	records: 'records', operator: 'operator', admin: 'admin', auditor: 'auditor', security: 'security' };
// API tokens of the head of the section, who may nearly everything: one with nothing ticked, one that may read.
async function token(rights) {
	const page = await (await city.as(own.head)).post('/account/tokens', [['name', 'robot'], ['scope', 'write'], ['days', '7'],
		['password', 'machi-demo-2026'], ...rights.map((right) => ['rights', right])]);
	return page.text.match(/machi_[\w-]{43}/)[0];
}
const bearer = { bare: await token([]), reader: await token(['application.read']) };
// Whose work it is not must say why before they look (403 until then).
for (const login of ['records', 'auditor']) await city.why(login, taken);

test('the program declares what was reviewed, the city adds its roles', async () => {
	assert.deepEqual(declared.routes, reviewed.routes, 'routes changed; write them down for review: build/machi rights > docs/permissions.md');
	const { desk, parks, ...rest } = declared.roles;
	assert.deepEqual(rest, reviewed.roles);
	assert.deepEqual([...desk].sort(), custom.desk.sort());
	assert.ok(parks.has('application.decide'));
	const { paths } = (await city.client().json('/api/openapi.json')).json;
	const there = new Map(reviewed.routes.map((r) => [`${r.method} ${r.path}`, r.perm]));
	for (const [path, operations] of Object.entries(paths))
		for (const [method, operation] of Object.entries(operations)) {
			const found = there.get(`${method.toUpperCase()} ${path}`) ?? there.get(`${method.toUpperCase()} ${path.replace(/[^/]+$/, '{verb}')}`) ??
				[...there].find(([route]) => new RegExp(`^${`${method.toUpperCase()} ${path}`.replace(/[^/]+$/, '\\{\\w+\\}').replace(/\{(?!\\)(\w+)\}/g, '\\{$1\\}')}$`).test(route))?.[1];
			assert.equal(operation['x-permission'], found, `${method} ${path}`);
		}
});

// --- the gate: a permission of the route ---

async function withRole(role, department, fn) {
	const given = role && await admin.postJson(`/staff/users/${subject}/add/role`, { role, ...department && { department: String(department) } });
	assert.ok(!role || given.status < 400, `${role}: ${given?.text}`);
	await fn();
	for (const row of (await admin.json(`/staff/users/${subject}`)).json.roles.filter((r) => r.now))
		await admin.postJson(`/staff/users/${subject}/end`, { kind: 'role', row: String(row.id) });
}

const may = (person, perm) => perm === 'public' || (person.kind && (perm === 'signed-in' || perm === person.kind || person.perms.has(perm)));
const form = { 'content-type': 'application/x-www-form-urlencoded' };

// A form without its token goes no further than the gate, so that nothing is done: the refusal tells the two apart.
async function passes({ client, headers }, { method, path }, accept) {
	const filled = path.replace(/\{(\w+)\*?\}/g, (all, name) => ({ kind: 'post', row: 'new' })[name] ?? '999999');
	const answer = await client.request(method, filled, { follow: false, headers: { accept, ...headers, ...method === 'POST' && form }, body: method === 'POST' ? 'a=1' : undefined });
	assert.ok(answer.status < 500, `${method} ${filled}: ${answer.status}`);
	if (answer.status === 401 || answer.location?.includes('/login?next=') || (method === 'POST' && answer.location?.endsWith('/login'))) return 'sign in';
	if (answer.status !== 403) return method === 'GET' ? 'yes' : `${answer.status}`;
	if (accept === 'application/json') return answer.json.code === 'web.csrf' ? 'yes' : 'no';
	return answer.text.includes('送信できませんでした') ? 'yes' : 'no';
}

async function gate(person, routes) {
	const wrong = [], cells = routes.flatMap((route) => ['application/json', 'text/html'].map((accept) => ({ route, accept })));
	await Promise.all(Array.from({ length: 8 }, async () => {
		for (let cell = cells.pop(); cell; cell = cells.pop()) {
			const { route, accept } = cell, want = may(person, route.perm) ? 'yes' : person.kind ? 'no' : 'sign in';
			const got = await passes(person, route, accept);
			if (got !== want) wrong.push(`${person.name}: ${route.method} ${route.path} (${accept}) asks for ${route.perm}: ${got}, declared is ${want}`);
		}
	}));
	return wrong;
}

test('every role on every route is let in or refused as declared, as a page and as a program', async () => {
	const guarded = reviewed.routes.filter((r) => r.perm !== 'public' && more[`${r.method} ${r.path}`]?.[0] !== `${user}/sessions`); // it says no itself
	const named = guarded.filter((r) => !anywhere.includes(r.perm));
	assert.ok(guarded.length > 150 && named.length > 60, 'the table is there');
	const wrong = await gate({ name: 'nobody', client: city.client() }, guarded);
	wrong.push(...await gate({ name: 'resident', client: resident, kind: 'resident', perms: new Set() }, guarded));
	for (const role of [null, ...Object.keys(declared.roles)])
		await withRole(role, null, async () => {
			const person = { name: role ?? 'no role', client: matrix, kind: 'staff', perms: role ? declared.roles[role] : new Set() };
			wrong.push(...await gate(person, role ? named : guarded));
		});
	assert.deepEqual(wrong, []);
});

test('an API token has no more than was ticked, whatever its owner may', async () => {
	const head = await city.as(own.head), wrong = [];
	for (const ticked of [[], ['application.read'], ['application.export']]) {
		const page = await head.post('/account/tokens', [['name', 'robot'], ['scope', 'write'], ['days', '7'],
			['password', 'machi-demo-2026'], ...ticked.map((right) => ['rights', right])]);
		const person = { name: `token ${ticked}`, client: city.client(), kind: 'staff', perms: new Set(ticked), headers: { authorization: `Bearer ${page.text.match(/machi_[\w-]{43}/)[0]}` } };
		const named = reviewed.routes.filter((r) => !anywhere.includes(r.perm));
		// Without a form's token a program's post is done: only those that must be refused.
		wrong.push(...await gate(person, named.filter((r) => r.method === 'GET' || !may(person, r.perm))));
	}
	assert.deepEqual(wrong, []);
});

// --- cases: the permission counts in the department of the case, for its kind ---

const acts = { // what each asks for, beside reading the case
	accept: ['application.check', submitted],
	assign: ['application.check', taken, { staff: 999999 }],
	forward: ['application.forward', taken, { department: 999999, reason: '誤り' }],
	correction: ['application.check', asked, { field: 'dog.colour', message: '毛色を確かめてください。' }],
	'cancel-correction': ['application.check', corrected, { reason: '電話で聞いた' }],
	message: ['application.check', taken, { text: 'こんにちは' }],
	note: ['application.check', taken, { text: '覚え' }],
	payment: ['application.payment', taken, { yen: 1, method: 'cash' }],
	waive: ['application.payment', taken, { reason: '減免' }],
	draft: ['application.check', taken, { outcome: 'maybe' }],
	cancel: ['application.decide', cancelled, { reason: '重複' }],
	close: ['application.check', granted],
	hold: ['application.check', granted, { reason: '開示請求' }],
	revoke: ['document.revoke', granted, { code: 'x', reason: '誤記' }],
	reissue: ['document.revoke', granted, { code: 'x' }],
};
test('a role of a department is for the cases of that department and of its kinds, each act with its permission', async () => {
	const wrong = [];
	const check = async (role, where, perms) => {
		const answer = (status) => ({ 401: 'no', 403: 'no', 404: 'not there' })[status] ?? (status < 500 ? 'yes' : String(status));
		const expect = (perm) => !perms.has('application.read') ? 'not there' : perms.has(perm) ? 'yes' : 'no';
		for (const accept of ['application/json', 'text/html']) {
			for (const path of [`/staff/applications/${taken}`, `/staff/applications/${taken}/print.pdf`]) {
				const got = answer((await matrix.request('GET', path, { headers: { accept } })).status);
				if (got !== expect('application.read')) wrong.push(`${role} of ${where}: GET ${path} (${accept}): ${got}`);
			}
		}
		for (const [verb, [perm, id, body]] of Object.entries(acts)) {
			const got = answer((await matrix.postJson(`/staff/applications/${id}/${verb}`, body ?? {})).status);
			if (got !== expect(perm)) wrong.push(`${role} of ${where}: ${verb}: ${got}, declared is ${expect(perm)}`);
		}
	};
	// Those who may do less come first: the others move the cases on.
	const power = (perms) => perms.has('application.check') + perms.has('application.decide') + perms.has('document.revoke') / 2;
	const roles = Object.entries(declared.roles).filter(([role]) => !declared.wholeCity.includes(role)).sort((a, b) => power(a[1]) - power(b[1]));
	for (const [role, perms] of roles) {
		await withRole(role, roads, () => check(role, 'another department', new Set()));
		await withRole(role, hygiene, () => check(role, 'the department', role === 'parks' ? new Set() : perms));
	}
	for (const role of declared.wholeCity) await withRole(role, null, () => check(role, 'the city', new Set()));
	assert.deepEqual(wrong, []);
});

// --- what handlers of staff ask beyond that ---

// A letter for each person, in this order: "." goes through, also when what was sent is a mistake or comes too late;
// 1 sign in first; 3 may not; 4 is not there (for them).
const people = ['anonymous', 'resident', 'elsewhere', 'clerk', 'chief', 'head', 'records', 'operator', 'admin', 'auditor', 'bare', 'reader'];
const meaning = { 401: '1', 403: '3', 404: '4' };
const user = `/staff/users/${colleague}`, away = `/staff/absences/${colleague}`;

const works = '134...344343';
const more = {
	'GET /staff': ['/staff', '13........3.'],
	'GET /staff/applications/{id}': [`/staff/applications/${taken}`, '134....44.4.'],
	'GET /staff/applications/{id}/print.pdf': [`/staff/applications/${taken}/print.pdf`, '134....44.4.'],
	'POST /staff/applications/{id}/{verb}': [`/staff/applications/${taken}/note`, works, { text: '覚え' }],
	'POST /staff/applications/{id}/{verb} route': [`/staff/applications/${drafted}/route`, '1343.3344343', { action: 'comment', comment: '確認' }],
	'POST /staff/applications/{id}/{verb} review': [`/staff/applications/${granted}/review`, '134333344343'],
	'GET /staff/my-number/{id}': [`/staff/my-number/${taken}`, '134444444444'],
	'POST /staff/my-number/{id}': [`/staff/my-number/${taken}`, '134444444444', { purpose: '' }],
	'POST /staff/my-number/{id}/check': [`/staff/my-number/${taken}/check`, '134444444444'],
	'POST /account/notices': ['/account/notices', '13........33'],
	'GET /staff/absences/{staff}': [away, '13444.44.4..'],
	'GET /staff/absences/{staff}/absence/{row}': [`${away}/absence/new`, '13444.44.4..'],
	'POST /staff/absences/{staff}/absence/{row}': [`${away}/absence/new`, '13444.44.433'],
	'GET /staff/absences/{staff}/deputy/{row}': [`${away}/deputy/new`, '13444.44.4..'],
	'POST /staff/absences/{staff}/deputy/{row}': [`${away}/deputy/new`, '13444.44.433'],
	'POST /staff/absences/{staff}/end': [`${away}/end`, '134444444433', { kind: 'absence', row: '999999' }],
	'GET /staff/rights/{staff}': [`/staff/rights/${colleague}`, '13444444.444'],
	'POST /staff/emergency': ['/staff/emergency', '13........33'],
	'GET /staff/users/{id}/sessions': [`${user}/sessions`, '13333333.333'],
	'POST /staff/users/{id}/sessions': [`${user}/sessions`, '13333333.333', { session: 'none' }],
};
// Being staff is enough; what they show is each one's own, or is asked for where it is done.
const enough = ['POST /staff/bulk', 'GET /staff/statistics', 'GET /account/notices', 'GET /staff/procedures', 'GET /staff/procedures.csv',
	'GET /staff/absences', 'GET /staff/rights', 'GET /staff/emergency', 'POST /staff/reason'];

async function ask(person, method, path, body = {}) {
	const client = logins[person] ? await city.as(logins[person]) : city.client();
	const headers = { accept: 'application/json', ...bearer[person] && { authorization: `Bearer ${bearer[person]}` } };
	const { status } = await (method === 'GET' ? client.request('GET', path, { headers, follow: false }) : client.postJson(path, body, { headers }));
	return meaning[status] ?? (status < 500 ? '.' : String(status));
}

test('what a page of staff asks beyond being staff is written down, and is asked', async () => {
	const routes = reviewed.routes.filter((r) => r.perm === 'staff').map((r) => `${r.method} ${r.path}`);
	assert.deepEqual([...new Set([...Object.keys(more).map((row) => row.split(' ').slice(0, 2).join(' ')), ...enough])].sort(), routes.sort(), 'a row for each route');
	const wrong = [];
	for (const [row, [path, want, body]] of Object.entries(more)) {
		assert.equal(want.length, people.length, row);
		for (const may of [false, true])
			for (const [i, person] of people.entries()) {
				if ((want[i] === '.') !== may) continue;
				const got = await ask(person, row.split(' ')[0], path, body);
				if (got !== want[i]) wrong.push(`${row}: ${person} gets ${got}, declared is ${want[i]}`);
			}
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
