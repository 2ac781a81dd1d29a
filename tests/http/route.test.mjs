// 決裁: who decides, who is asked first, who acts for whom, and the ways back.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City, words } from '../lib/city.mjs';
import { applyByJson, office } from '../lib/dog.mjs';
import { address, applyFor, applyForSign } from '../lib/apply.mjs';

const city = await City.start();
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp');
const planning = await city.office('都市計画課'), roads = await city.office('道路管理課'), building = await city.office('建築指導課');
const dogs = await city.office(office);

const page = async (login, id) => (await city.as(login)).get(`/staff/applications/${id}`);
const view = async (login, id) => (await (await city.as(login)).json(`/staff/applications/${id}`)).json;
// Presses a button of the page as the person sees it.
const press = async (login, id, verb, values = {}) => {
	const done = await (await city.as(login)).submit(await page(login, id), `/${verb}`, values);
	assert.equal(done.status, 200, `${login} ${verb} ${JSON.stringify(values)}: ${words(done.text).slice(0, 1500)}`);
	return done;
};
const state = async (id, login = planning.clerk) => (await view(login, id)).application.state;
// The open steps as [kind, department, post].
const open = async (id, login = planning.clerk) => (await view(login, id)).route.steps.filter((s) => s.is_open).map((s) => [s.kind, s.department_name, s.post]);
const inbox = async (login, scope) => (await (await city.as(login)).json(`/staff?scope=${scope}`)).json.rows.map((r) => r.id);
async function drafted(sign, by = planning.clerk, outcome = { outcome: 'granted' }) {
	const { id } = await applyForSign(resident, sign);
	await press(by, id, 'accept');
	await press(by, id, 'draft', outcome);
	return id;
}
// Somebody says that they are away, and who acts for them.
async function absences(login, kind, values) {
	const own = await city.as(login), { id } = (await own.json('/staff/absences')).json.officer;
	const done = await own.post(`/staff/absences/${id}/${kind}`, values);
	assert.equal(done.status, 200, words(done.text).slice(0, 800));
	return (await own.json('/staff/absences')).json;
}

test('専決: the amount says who decides', async () => {
	for (const [sign, posts] of [
		[{ area: 3 }, ['係長']],
		[{ area: 30, lighting: true }, ['係長', '課長']],
		[{ area: 1, quantity: 50, lighting: true }, ['係長', '課長', '課長', '課長', '部長']],
	]) {
		const id = await drafted(sign);
		const { route, application } = await view(planning.clerk, id);
		assert.deepEqual(route.steps.filter((s) => s.kind !== 'check').map((s) => s.post), posts, `${application.fee_yen} yen`);
		assert.equal(route.steps.at(-1).kind, 'decide');
		assert.equal(route.steps.at(-1).delegated, posts.at(-1) !== '部長');
	}
});

test('専決: the kind of decision says who decides', async () => {
	const people = await city.office('コンプライアンス推進課');
	for (const [outcome, post] of [['granted', '課長'], ['refused', '部長']]) {
		const { id } = await applyFor(resident, 'disclosure-request', [
			{ requester: { name: '街田 花', address, phone: '087-800-0001' } },
			{ request: { subject: '市道の工事の記録', manner: 'view' } },
		]);
		await press(people.clerk, id, 'accept');
		await press(people.clerk, id, 'draft', outcome === 'granted' ? { outcome, 'findings.kind': 'full' }
			: { outcome, reason: '個人情報が含まれるため。', 'findings.kind': 'withheld', 'findings.ground': ['personal'] });
		assert.equal((await view(people.clerk, id)).route.steps.at(-1).post, post);
		await press(people.chief, id, 'route', { action: 'approve' });
		if (post === '部長') await press(people.head, id, 'route', { action: 'approve' });
		await press(post === '部長' ? people.division : people.head, id, 'route', { action: 'approve' });
		assert.equal(await state(id, people.clerk), outcome);
	}
});

test('合議: departments are asked at the same time, and an objection comes back to the drafter with every answer', async () => {
	const id = await drafted({ zone: 'scenic' });
	assert.deepEqual(await open(id), [['consult', '道路管理課', '課長'], ['consult', '建築指導課', '課長']]);
	assert.ok((await inbox(roads.head, 'turn')).includes(id) && (await inbox(building.head, 'turn')).includes(id), 'in both inboxes');
	assert.ok(!(await inbox(planning.chief, 'turn')).includes(id), 'the chief comes afterwards');
	assert.equal((await page(roads.clerk, id)).status, 404, 'only those who are asked see it');
	await press(roads.head, id, 'route', { action: 'reject', comment: '歩道の上には出せません。' });
	assert.equal(await state(id), 'approval', 'the other one is still heard');
	assert.deepEqual(await open(id), [['consult', '建築指導課', '課長']]);
	await press(building.head, id, 'route', { action: 'approve', comment: '構造は問題ありません。' });
	assert.equal(await state(id), 'reviewing', 'back at the drafter');
	const text = words((await page(planning.clerk, id)).text);
	assert.ok(text.includes('歩道の上には出せません。') && text.includes('構造は問題ありません。'), 'with both answers');
	// A new round: all agree, and the chief decides.
	await press(planning.clerk, id, 'draft', { outcome: 'granted' });
	await press(building.head, id, 'route', { action: 'approve' });
	await press(roads.head, id, 'route', { action: 'approve' });
	assert.deepEqual(await open(id), [['decide', '都市計画課', '係長']]);
	await press(planning.chief, id, 'route', { action: 'approve' });
	assert.equal(await state(id), 'payment');
});

test('代決: the deputy decides for an absent officer, who reads it afterwards (後閲)', async () => {
	const id = await drafted({ area: 30, lighting: true });
	await press(planning.chief, id, 'route', { action: 'approve' });
	assert.deepEqual(await open(id), [['decide', '都市計画課', '課長']]);
	const deputy = planning.chief2;
	assert.equal((await (await city.as(deputy)).post(`/staff/applications/${id}/route`, { action: 'approve' })).status, 403, 'not while the head is there');
	await absences(planning.head, 'deputy/new', { deputy: 'other', login: deputy });
	assert.equal((await (await city.as(deputy)).post(`/staff/applications/${id}/route`, { action: 'approve' })).status, 403, 'being named is not enough');
	const day = new Date().toLocaleDateString('sv-SE', { timeZone: 'Asia/Tokyo' });
	const { absences: [absence] } = await absences(planning.head, 'absence/new', { from: day, until: day, reason: 'leave' });
	await press(deputy, id, 'route', { action: 'approve' });
	assert.equal(await state(id), 'payment');
	const decision = (await view(deputy, id)).route.steps.at(-1);
	assert.ok(decision.acted_name && decision.acting_for_name && decision.acted_name !== decision.acting_for_name);
	// The officer comes back, finds it in the list of later reviews, and has read it.
	await absences(planning.head, 'end', { kind: 'absence', row: String(absence.id) });
	assert.ok((await inbox(planning.head, 'review')).includes(id));
	assert.equal((await (await city.as(planning.chief)).post(`/staff/applications/${id}/review`)).status, 403, 'a review is one’s own');
	await press(planning.head, id, 'review');
	assert.ok(!(await inbox(planning.head, 'review')).includes(id));
	assert.ok((await view(planning.clerk, id)).route.steps.at(-1).reviewed, 'the record says when');
});

test('引上げ: a superior takes it up; who was passed over reads it afterwards', async () => {
	const id = await drafted({ area: 30, lighting: true });
	assert.deepEqual(await open(id), [['approve', '都市計画課', '係長']]);
	await press(planning.head, id, 'route', { action: 'approve', comment: '急ぎのため。' });
	assert.equal(await state(id), 'payment');
	assert.equal((await view(planning.clerk, id)).route.steps.find((s) => s.kind === 'approve').state_key, 'application.route.state.pulled_up');
	assert.ok((await inbox(planning.chief, 'review')).includes(id));
	await press(planning.chief, id, 'review');
	assert.ok(!(await inbox(planning.chief, 'review')).includes(id));
});

test('差戻し: to the drafter or to an earlier step, with the reason', async () => {
	const id = await drafted({ area: 30, lighting: true });
	await press(planning.chief, id, 'route', { action: 'approve' });
	const without = await (await city.as(planning.head)).submit(await page(planning.head, id), '/route', { action: 'send_back', comment: '' });
	assert.equal(without.status, 422, 'a reason is needed');
	// To the chief, who has it before them again; then all the way back.
	const { route } = await view(planning.head, id);
	const chief = route.back_to.find((b) => b.post === '係長');
	await press(planning.head, id, 'route', { action: 'send_back', comment: '面積を確かめてください。', to_step: String(chief.to_step) });
	assert.equal(await state(id), 'approval');
	assert.deepEqual(await open(id), [['approve', '都市計画課', '係長']]);
	await press(planning.chief, id, 'route', { action: 'send_back', comment: '図面を直してもらってください。' });
	assert.equal(await state(id), 'reviewing');
	const text = words((await page(planning.clerk, id)).text);
	assert.ok(text.includes('面積を確かめてください。') && text.includes('図面を直してもらってください。'), 'the drafter reads both reasons');
	assert.equal((await resident.json(`/applications/${id}`)).text.includes('面積を確かめて'), false, 'the applicant reads none');
});

test('引戻し: the drafter takes it back while nobody acted; comments do not hinder', async () => {
	let id = await drafted({ area: 30, lighting: true });
	await press(planning.chief, id, 'route', { action: 'comment', comment: '期間はこれでよいですか。' });
	await press(planning.clerk, id, 'route', { action: 'comment', comment: '申請者に確かめました。' });
	let text = words((await page(planning.chief, id)).text);
	assert.ok(text.includes('期間はこれでよいですか。') && text.includes('申請者に確かめました。'));
	await press(planning.clerk, id, 'route', { action: 'pull_back', comment: '書き直します。' });
	assert.equal(await state(id), 'reviewing');
	text = words((await page(planning.clerk, id)).text);
	assert.ok(text.includes('書き直します。'), 'why it was taken back is on the record');
	assert.ok(!(await inbox(planning.chief, 'turn')).includes(id));
	id = await drafted({ area: 30, lighting: true });
	await press(planning.chief, id, 'route', { action: 'approve' });
	assert.equal((await (await city.as(planning.clerk)).post(`/staff/applications/${id}/route`, { action: 'pull_back' })).status, 409, 'not after somebody acted');
	assert.equal((await (await city.as(planning.chief)).post(`/staff/applications/${id}/route`, { action: 'pull_back' })).status, 403, 'only the drafter');
});

test('nobody approves their own draft, in whatever capacity', async () => {
	const { id } = await applyByJson(resident);
	await press(dogs.chief, id, 'accept');
	await press(dogs.chief, id, 'draft', { outcome: 'granted' });
	const own = await (await city.as(dogs.chief)).post(`/staff/applications/${id}/route`, { action: 'approve' });
	assert.equal(own.status, 403);
	assert.ok(!(await inbox(dogs.chief, 'turn')).includes(id));
	assert.ok(!(await page(dogs.chief, id)).text.includes('value="approve"'), 'no button to press');
	await press(dogs.chief2, id, 'route', { action: 'approve' });
	assert.equal(await state(id, dogs.clerk), 'granted');
	// The head drafts, and is not asked either, although the step is theirs.
	const second = await drafted({ area: 30, lighting: true }, planning.head);
	await press(planning.chief, second, 'route', { action: 'approve' });
	assert.equal((await (await city.as(planning.head)).post(`/staff/applications/${second}/route`, { action: 'approve' })).status, 403);
	await press(planning.division, second, 'route', { action: 'approve' });
	assert.equal(await state(second), 'payment', 'the superior decides for whom nobody can');
});

test('廃案: the draft is scrapped in the line, and a new one may follow', async () => {
	const id = await drafted({ area: 30, lighting: true });
	await press(planning.chief, id, 'route', { action: 'reject', comment: '許可の要件を満たしません。' });
	assert.equal(await state(id), 'reviewing');
	await press(planning.clerk, id, 'draft', { outcome: 'refused', reason: '禁止地域のため。' });
	await press(planning.chief, id, 'route', { action: 'approve' });
	await press(planning.head, id, 'route', { action: 'approve' });
	assert.equal(await state(id), 'refused');
	assert.equal((await view(planning.clerk, id)).route.rounds, 2);
});

test('the whole store fits its journal', () => {
	assert.match(city.cli('verify'), /^problems: 0$/m);
});
