// Several people at the same moment: one clear result, and for the others a clear answer what to do next.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City } from '../lib/city.mjs';
import { applyByJson, dog, idOf, nested, office, owner, place } from '../lib/dog.mjs';
import { applyForCourse } from '../lib/apply.mjs';

const city = await City.start();
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp');
const own = await city.office(office), roadsOffice = await city.office('道路管理課');
const act = async (login, id, verb, values = {}) => (await city.as(login)).postJson(`/staff/applications/${id}/${verb}`, values);
const view = async (id, login = own.clerk) => (await (await city.as(login)).json(`/staff/applications/${id}`)).json;
async function application(...acts) {
	const { id } = await applyByJson(resident);
	for (const [login, verb, values] of acts) assert.ok((await act(login, id, verb, values)).status < 400, verb);
	return id;
}
// Exactly one goes through; the others are told so (409) and what to do next.
const next = { 'application.wrong_state': '開き直してください', 'application.changed': '開き直して', 'application.route.taken': '' };
async function one(what, ...requests) {
	const answers = await Promise.all(requests.map((send) => send()));
	const told = answers.map((a) => `${a.status} ${a.text.slice(0, 300)}`).join('\n');
	const lost = answers.filter((a) => a.status >= 400);
	assert.equal(lost.length, answers.length - 1, `${what}:\n${told}`);
	for (const { status, json } of lost) {
		const [{ code, detail }] = json.errors ?? [json];
		assert.deepEqual([status, json.status, json.type], [409, 409, 'urn:machi:problem:conflict'], `${what}:\n${told}`);
		assert.ok(code in next && detail.includes(next[code]), `${what}:\n${told}`);
	}
	return answers.findIndex((a) => a.status < 400);
}
const state = async (id, login = own.clerk) => (await view(id, login)).application.state;
const drafted = () => application([own.clerk, 'accept'], [own.clerk, 'draft', { outcome: 'granted' }]);
const roads = (await (await city.as('admin')).json('/staff/departments')).json.departments.find((d) => d.name === '道路管理課').id;

test('two people take it in', async () => {
	const id = await application();
	await one('accept', () => act(own.clerk, id, 'accept'), () => act(own.clerk2, id, 'accept'));
	assert.equal(await state(id), 'accepted');
});

test('one asks for a correction while another hands it on', async () => {
	const id = await application([own.clerk, 'accept']), { turn } = (await view(id)).application;
	const sent = await Promise.all([act(own.clerk, id, 'correction', { turn, field: 'dog.colour', message: '毛色は?' }),
		act(own.clerk2, id, 'forward', { turn, department: roads, reason: '担当が違います。' })]);
	const first = sent.findIndex((a) => a.status < 400), lost = sent[1 - first];
	assert.ok(first >= 0 && lost.status >= 400, sent.map((a) => a.status).join());
	// Once it was handed on, it is not there any more for who works in the former department.
	assert.ok(lost.status === 409 || first === 1 && lost.status === 404, `${lost.status} ${lost.text}`);
	assert.equal(await state(id, first ? roadsOffice.clerk : own.clerk), first ? 'submitted' : 'correction');
});

test('two people ask for corrections, two hand it on', async () => {
	const id = await application([own.clerk, 'accept']);
	await one('corrections', ...[own.clerk, own.clerk2].map((login) => () => act(login, id, 'correction', { field: 'dog.colour', message: `${login}: 毛色は?` })));
	assert.equal((await view(id)).corrections.length, 1);
	// Who hands it on does not see it any more: for the second one it may be gone by now.
	const sent = await Promise.all([own.clerk, own.clerk2].map((login) => act(login, id, 'forward', { department: roads, reason: '担当が違います。' })));
	assert.equal(sent.filter((a) => a.status < 400).length, 1);
	assert.ok(sent.some((a) => [404, 409].includes(a.status)), sent.map((a) => a.status).join());
});

test('two people draft the decision, and two decide', async () => {
	const id = await application([own.clerk, 'accept']);
	await one('draft', () => act(own.clerk, id, 'draft', { outcome: 'granted' }), () => act(own.clerk2, id, 'draft', { outcome: 'refused', reason: '要件を満たしません。' }));
	const first = await one('decide', () => act(own.chief, id, 'route', { action: 'approve' }), () => act(own.chief2, id, 'route', { action: 'send_back', comment: '再検討してください。' }));
	assert.ok(first ? await state(id) === 'reviewing' : ['granted', 'refused'].includes(await state(id)), await state(id));
});

test('the applicant withdraws while it is decided', async () => {
	for (let i = 0; i < 4; i++) {
		const id = await drafted();
		const first = await one('withdraw', () => act(own.chief, id, 'route', { action: 'approve' }), () => resident.postJson(`/applications/${id}/withdraw`, { reason: 'やめます。' }));
		assert.equal(await state(id), first ? 'withdrawn' : 'granted');
	}
});

test('cancelled by one while another drafts', async () => {
	const id = await application([own.clerk, 'accept']);
	await one('cancel', () => act(own.clerk, id, 'draft', { outcome: 'granted' }), () => act(own.chief, id, 'cancel', { turn: 2, reason: '職権で取り消します。' }));
});

test('a form that is sent several times is one application', async () => {
	const begun = await resident.postJson('/procedures/dog-registration/apply', { applicant_kind: 'resident' }), id = idOf(begun.location);
	for (const [step, answers] of [[1, owner], [2, dog], [3, place], [4, {}]])
		assert.ok((await resident.postJson(`/applications/${id}/steps/${step}`, nested(answers))).status < 400);
	const sent = await Promise.all(Array.from({ length: 6 }, () => resident.postJson(`/applications/${id}/submit`)));
	assert.deepEqual(sent.filter((a) => a.status >= 400).map((a) => `${a.status} ${a.text}`), []);
	assert.equal(new Set(sent.map((a) => a.json.receipt_number)).size, 1, sent.map((a) => a.status + a.text).join('\n'));
	assert.equal((await view(id)).history.filter((h) => /submitted/.test(h.key)).length, 1, JSON.stringify((await view(id)).history));
});

test('the last places of a course', async () => {
	const people = await Promise.all([1, 2, 3, 4].map((n) => city.as(`resident${n}@example.jp`)));
	const taken = async (id, i) => (await people[i % 4].json(`/applications/${id}`)).json.application.place === 'taken';
	const all = [];
	for (let round = 0; round < 5; round++) {
		const made = await Promise.all(people.map((client) => applyForCourse(client)));
		all.push(...await Promise.all(made.map(({ id }, i) => taken(id, i))));
	}
	const places = all.filter(Boolean).length;
	assert.ok(places > 0 && places <= 12, `${places} of 12 places`); // some are taken by the demo city
	assert.equal(all.lastIndexOf(true) < all.length - 4, true, 'nobody gets one after it is full');
	assert.ok(!all.slice(Math.ceil(places / 4) * 4).includes(true), 'and all were given');
});

test('the journal proves the store afterwards', () => {
	assert.match(city.cli('verify'), /./);
});
