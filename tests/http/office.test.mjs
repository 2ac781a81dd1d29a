// What the office does besides the straight way: rights, refusals, forwarding, the counter, lists.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, until, words } from '../lib/city.mjs';
import { applyByJson, dog, idOf, office, owner, place } from '../lib/dog.mjs';
import { readCsv, readXlsx } from '../lib/tables.mjs';

const city = await City.start({ mail: true });
test.after(() => city.stop());
const people = await city.office(office), others = await city.office('市民課');
const resident = await city.as('resident1@example.jp');
const shown = async (login, id) => (await city.as(login)).get(`/staff/applications/${id}`);
const act = async (login, id, verb, values = {}) => (await city.as(login)).submit(await shown(login, id), `/${verb}`, values);
const state = async (id) => (await (await city.as(people.clerk)).json(`/staff/applications/${id}`)).json.application;

test('another department does not see an application, nor act on it', async () => {
	const { id, receipt } = await applyByJson(resident);
	const clerk = await city.as(others.clerk);
	assert.equal((await clerk.get(`/staff/applications/${id}`)).status, 404);
	for (const verb of ['accept', 'assign', 'draft', 'forward', 'payment', 'message', 'note', 'route', 'correction'])
		assert.equal((await clerk.post(`/staff/applications/${id}/${verb}`, { turn: '1', reason: 'x', text: 'x', outcome: 'granted', action: 'approve', message: 'x', method: 'cash', field: 'dog.colour' })).status, 404, verb);
	assert.ok(!(await clerk.get(`/staff?q=${receipt}`)).text.includes(`/staff/applications/${id}`));
	assert.ok((await (await city.as(people.clerk)).get(`/staff?q=${receipt}`)).text.includes(`/staff/applications/${id}`));
	assert.equal((await state(id)).state, 'submitted');
	// Residents are not staff, staff are not residents.
	assert.equal((await resident.get(`/staff/applications/${id}`)).status, 403);
	assert.equal((await clerk.get('/my')).status, 403);
	for (const [login, path] of [[people.clerk, '/staff/users'], [people.clerk, '/staff/jobs'], [people.clerk, '/staff/outbox'], ['operator', '/staff/users'], ['admin', '/staff/jobs']])
		assert.equal((await (await city.as(login)).get(path)).status, 403, `${login} ${path}`);
	assert.equal((await act(people.clerk, id, 'accept')).status, 200);
	// A button pressed on an outdated page does nothing.
	const stale = await (await city.as(people.clerk2)).post(`/staff/applications/${id}/draft`, { turn: '1', outcome: 'granted' });
	assert.equal(stale.status, 409);
	assert.equal((await act(people.clerk, id, 'draft', { outcome: 'granted' })).status, 200);
	const { turn } = await state(id);
	for (const login of [people.clerk, people.clerk2]) assert.equal((await (await city.as(login)).post(`/staff/applications/${id}/route`, { action: 'approve', turn: String(turn) })).status, 403, `${login} may not decide`);
});

test('a refusal gives its reason and how to appeal', async () => {
	const { id } = await applyByJson(resident);
	await act(people.clerk, id, 'accept');
	const without = await act(people.clerk, id, 'draft', { outcome: 'refused', reason: '' });
	assert.equal(without.status, 422, 'a reason is needed');
	assert.match(without.text, /<a href="#draft-reason">/);
	assert.match(without.text, /<textarea[^>]* id="draft-reason"/, 'the summary leads to the field');
	await act(people.clerk, id, 'draft', { outcome: 'refused', reason: '犬ではなく狼のため。' });
	let page = await act(people.chief, id, 'route', { action: 'send_back', comment: '書き直してください。' });
	assert.equal(page.status, 200);
	assert.equal((await state(id)).state, 'reviewing');
	await act(people.clerk, id, 'draft', { outcome: 'refused', reason: '狼は登録できないため。' });
	page = await act(people.chief, id, 'route', { action: 'approve' });
	assert.equal(page.status, 200);
	await city.mailbox.find('resident1@example.jp', /決定をしました。理由と/);
	const document = await until(async () => (await resident.json(`/applications/${id}`)).json.documents[0], 'the notice');
	const file = join(city.dir, 'refusal.pdf');
	writeFileSync(file, (await resident.get(document.href)).bytes);
	const text = execFileSync('pdftotext', [file, '-'], { encoding: 'utf8' }).normalize('NFKC').replace(/\s/g, '');
	assert.ok(text.includes('狼は登録できないため'), text);
	assert.match(text, /審査請求/);
	assert.match(text, /3(か|箇|ケ|ヶ)月|三箇月/);
	page = await resident.get(`/applications/${id}`);
	assert.ok(words(page.text).includes('狼は登録できないため。'));
});

test('a correction as JSON is a change: what is not sent stays, null takes away', async () => {
	const { id } = await applyByJson(resident, { dog: { ...dog, 'dog.features': '足が白い', 'dog.chip': 'yes', 'dog.chip_number': '392123456789012' } });
	await act(people.clerk, id, 'accept');
	const ask = (field = ['dog.colour']) => act(people.clerk, id, 'correction', { field, message: '毛の色をもう一度お確かめください。' });
	const answers = async () => Object.fromEntries((await (await city.as(people.clerk)).json(`/staff/applications/${id}`)).json.answers.sections.flatMap((s) => s.rows ?? []).map((r) => [r.name, r.text]));
	await ask();
	let done = await resident.postJson(`/applications/${id}/correct`, { dog: { colour: '' } });
	assert.equal(done.status, 422, 'a must is not taken away');
	assert.deepEqual(done.json.errors.map((e) => e.field), ['dog.colour']);
	assert.equal((await resident.postJson(`/applications/${id}/correct`, { dog: { colour: null } })).status, 422);
	const before = await answers();
	done = await resident.postJson(`/applications/${id}/correct`, { dog: { colour: '白' } });
	assert.ok(done.status < 400, done.text);
	assert.equal((await state(id)).state, 'reviewing');
	assert.deepEqual(await answers(), { ...before, 'dog.colour': '白' }, 'nothing else changed, what is ticked neither');
	await ask();
	const refused = await resident.postJson(`/applications/${id}/correct`, { dog: { colour: '白', features: null, chip: false } });
	assert.deepEqual([refused.status, refused.json.errors.map((e) => e.field).sort()], [422, ['dog.chip', 'dog.features']], 'nobody asked for it');
	await act(people.clerk, id, 'cancel-correction', { reason: 'ほかの項目も' });
	await ask(['dog.features', 'dog.chip']);
	done = await resident.postJson(`/applications/${id}/correct`, { dog: { features: null, chip: false } });
	assert.ok(done.status < 400, done.text);
	const now = await answers();
	assert.ok(!now['dog.features'] && !now['dog.chip_number'], 'taken away, and what hangs on it');
	assert.equal(now['dog.breed'], '柴犬');
});

test('withdrawing: asked first, and not after the decision', async () => {
	const { id } = await applyByJson(resident);
	let page = await resident.get(`/applications/${id}/withdraw`);
	page = await resident.submit(page, '/withdraw', { reason: '引っ越すため' });
	assert.equal(page.url, `/applications/${id}`);
	assert.equal((await state(id)).state, 'withdrawn');
	await city.mailbox.find('resident1@example.jp', /取下げを受け付けました/);
	assert.equal((await resident.post(`/applications/${id}/withdraw`)).status, 409);
	const clerk = await city.as(people.clerk);
	assert.equal((await clerk.post(`/staff/applications/${id}/accept`, { turn: '99' })).status, 409);
});

test('nothing is chosen beforehand, and what was typed and ticked stays', async () => {
	const { id } = await applyByJson(resident);
	await act(people.clerk, id, 'accept');
	let page = await shown(people.clerk, id);
	assert.ok(!/name="outcome"[^>]* checked/.test(page.text), 'no outcome suggests itself');
	page = await act(people.clerk, id, 'draft', { reason: '登録できる犬のため。' });
	assert.equal(page.status, 422);
	assert.match(page.text, /<a href="#draft-outcome">許可・交付か、却下・不許可かを選んでください。/);
	assert.match(page.text, /<fieldset[^>]* id="draft-outcome"/);
	assert.match(page.text, /<textarea[^>]* id="draft-reason"[^>]*>\s*登録できる犬のため。</);
	page = await act(people.clerk, id, 'draft', { outcome: 'refused', reason: '' });
	assert.match(page.text, /value="refused" checked/);
	page = await act(people.clerk, id, 'correction', { message: '毛の色を確かめてください。' });
	assert.match(page.text, /<a href="#correction-field">/);
	assert.match(page.text, /<details[^>]* open><summary>補正を求める/);
	page = await act(people.clerk, id, 'correction', { field: ['dog.colour'], 'message.dog.colour': '白でしたか。', message: '' });
	assert.equal(page.status, 422);
	assert.match(page.text, /value="dog.colour" checked/);
	assert.match(page.text, /name="message.dog.colour" value="白でしたか。"/);
	page = await act(people.clerk, id, 'forward', { reason: '担当が違うため', department: '0' });
	assert.match(page.text, /<textarea[^>]* id="forward-reason"[^>]*>\s*担当が違うため</);
	assert.match(page.text, /<textarea[^>]* id="draft-reason"[^>]*>\s*<\/textarea>/, 'a reason stays in its own form');
	const records = await (await city.as('records')).get('/staff/records');
	assert.ok(!/name="kind"[^>]* checked/.test(records.text), 'nor a disposal');
});

test('the list: what one may not do is not offered, and one comes back to it as it was', async () => {
	const clerk = await city.as(people.clerk);
	for (const lang of ['', '/en']) {
		const list = await clerk.get(`${lang}/staff?scope=all&q=%E7%8A%AC`);
		assert.ok(list.text.includes('name="id"') && list.text.includes(lang ? 'Assign the chosen' : '選んだものの担当を決める'));
		for (const values of [{ action: 'assign' }, { action: 'assign', id: [/name="id" value="(\d+)"/.exec(list.text)[1]] }]) {
			const page = await clerk.submit(list, '/bulk', values);
			assert.equal(page.url, `${lang}/staff?scope=all&q=%E7%8A%AC`);
		}
	}
	const auditor = await (await city.as('auditor')).get('/staff?scope=all');
	assert.ok(auditor.text.includes('/staff/applications/') && !/name="id"|\/bulk"[^]*選んだもの/.test(auditor.text));
	assert.match(auditor.text, /犬の登録<br><span class="m-note">生活衛生課/, 'many departments are told apart');
	const counter = (await clerk.json('/en/staff/counter')).json.procedures;
	assert.deepEqual([counter[0].id, counter[0].department], ['dog-registration', 'Environmental Health Division'], 'one\'s own first');
	const statistics = await clerk.get('/staff/statistics');
	assert.match(statistics.text, /<th scope="row">犬の登録<\/th>/);
	assert.ok(!/\d\.\d\d/.test(words(statistics.text)), 'a mean is rounded');
});

test('forwarding to another department, and asking each other', async () => {
	const { id } = await applyByJson(resident);
	await act(people.clerk, id, 'accept');
	const page = await shown(people.clerk, id);
	const [, target] = /<option value="(\d+)">市民課<\/option>/.exec(page.text);
	let done = await (await city.as(people.clerk)).submit(page, '/forward', { department: target, reason: '担当が違うため' });
	assert.ok([200, 404].includes(done.status), `${done.status}`);
	assert.equal((await shown(others.clerk, id)).status, 200);
	done = await act(others.clerk, id, 'message', { text: '診察券の写しはありますか。' });
	assert.equal(done.status, 200);
	await (await city.as(others.clerk)).post(`/staff/applications/${id}/note`, { text: '内部のメモ' });
	await city.mailbox.find('resident1@example.jp', /診察券の写しはありますか。/);
	let own = await resident.get(`/applications/${id}`);
	assert.ok(own.text.includes('診察券の写しはありますか。') && !own.text.includes('内部のメモ'));
	own = await resident.submit(own, '/messages', { text: '<b>あります。</b>' });
	assert.ok(own.text.includes('&lt;b&gt;あります。'));
	own = await resident.submit(own, '/messages', { text: '' });
	assert.equal(own.status, 422);
	done = await shown(others.clerk, id);
	assert.match(done.text, /id="messages"[^]*あります。[^]*id="notes"[^]*内部のメモ/, 'what only staff read stands apart');
	assert.ok(!/id="messages"[^]*内部のメモ[^]*id="notes"/.test(done.text));
});

test('the counter: staff type in what somebody brought on paper', async () => {
	const clerk = await city.as(people.clerk);
	let page = await clerk.get('/staff/counter');
	assert.equal(page.status, 200);
	page = await clerk.submit(page, '/staff/counter/dog-registration', {});
	const id = idOf(page.url);
	page = await clerk.submit(page, '/steps/1', owner);
	page = await clerk.submit(page, '/steps/2', dog);
	page = await clerk.submit(page, '/steps/3', place);
	page = await clerk.submit(page, '/steps/4');
	page = await clerk.submit(page, '/submit');
	assert.equal(page.status, 200);
	const application = await state(id);
	assert.equal(application.channel, 'counter');
	assert.equal(application.applicant.name.replace(/\s/g, ''), '街田花');
	assert.equal((await resident.get(`/applications/${id}`)).status, 404);
});

test('the tabs of the inbox count what their lists show', async () => {
	for (const login of [people.clerk, people.chief, people.head]) {
		const client = await city.as(login);
		const { scopes, tabs } = (await client.json('/staff')).json;
		assert.ok(scopes.length >= 5 && scopes.filter((s) => s.current).length === 1);
		for (const tab of [...scopes, ...tabs]) {
			const { rows, scopes: there } = (await client.json(tab.href)).json;
			if (tab.count !== undefined) assert.equal(rows.length, tab.count, `${login} ${tab.label}`);
			assert.equal(there.filter((s) => s.current).length, 1);
		}
		assert.ok(scopes.every((s) => Number.isInteger(s.count)), 'each says how many');
	}
});

test('several at once', async () => {
	const ids = [(await applyByJson(resident)).id, (await applyByJson(resident)).id];
	const clerk = await city.as(people.clerk);
	let page = await clerk.post('/staff/bulk', [['action', 'accept'], ['id', String(ids[0])], ['id', String(ids[1])], ['back', '/staff?tab=office']]);
	assert.equal(page.status, 200);
	for (const id of ids) assert.equal((await state(id)).state, 'accepted');
	page = await (await city.as(others.clerk)).post('/staff/bulk', [['action', 'assign'], ['id', String(ids[0])]]);
	assert.notEqual((await state(ids[0])).assignee_name, null, 'kept');
	assert.equal((await clerk.post('/staff/bulk', [['action', 'decide'], ['id', String(ids[0])]])).status, 422);
	page = await clerk.post('/staff/bulk', [['action', 'accept'], ['id', '1'], ['back', 'https://evil.example/']], { follow: false });
	assert.equal(page.location, '/staff');
});

test('export needs the permission, and leaves a trace', async () => {
	const head = await city.as(people.head), clerk = await city.as(people.clerk);
	for (const path of ['/staff/export.csv', '/staff/export.xlsx']) assert.equal((await clerk.get(path)).status, 403, path);
	await applyByJson(resident, { owner: { 'owner.phone': '0878000001' }, dog: { 'dog.call_name': '=1+1' } });
	const query = 'procedure=dog-registration&scope=all';
	const csv = await head.get(`/staff/export.csv?${query}`);
	assert.match(csv.headers.get('content-type'), /^text\/csv/);
	assert.deepEqual([...csv.bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf], 'a spreadsheet knows the encoding by it');
	const table = readCsv(csv.text), lines = table.length;
	assert.deepEqual(Object.keys(table[0]).slice(0, 5), ['到達番号', '受付番号', '手続', '担当課', '担当']);
	assert.ok(lines > 2 && table.every((row) => row['手続'] === '犬の登録' || row['手続'].startsWith('犬の')), JSON.stringify(table[0]));
	const row = table.at(-1);
	assert.ok(!/^[a-z]/.test(row['状態']), row['状態']);
	assert.match(row['申請日時'], /^\d{4}-\d\d-\d\d \d\d:\d\d$/);
	assert.match(row['処理の期限'], /^\d{4}-\d\d-\d\d$/);
	const dogs = Object.entries(row).filter(([, text]) => text === "'=1+1");
	assert.equal(dogs.length, 1, `no formula, and in a column of its own: ${JSON.stringify(row)}`);
	// In English; and for programs, with stable names and codes.
	assert.equal((await head.get(`/en/staff/export.csv?${query}`)).text.split(',')[2], 'Procedure');
	const named = readCsv((await head.get(`/staff/export.csv?${query}&columns=names`)).text).at(-1);
	assert.equal(named.procedure, 'dog-registration');
	assert.equal(named.state, 'submitted');
	assert.equal(named['dog.birthday'], '2025-04-01');
	assert.match(named.submitted, /^\d{4}-\d\d-\d\dT.*Z$/);
	// The sheet says the same, in cells of the right kind.
	const sheet = readXlsx(await head.get(`/staff/export.xlsx?${query}`));
	assert.deepEqual(sheet[0].map((cell) => cell.value), Object.keys(table[0]));
	assert.equal(sheet.length, lines + 1);
	const cell = (name) => sheet.at(-1)[Object.keys(row).indexOf(name)];
	assert.equal(cell(dogs[0][0]).value, '=1+1');
	assert.equal(cell(dogs[0][0]).kind, 's', 'a text, not a formula');
	assert.equal(cell('手数料（円）').kind, 'n');
	assert.equal(cell('処理の期限').kind, 'd');
	assert.equal(cell('申請日時').kind, 'd');
	assert.equal(cell(Object.keys(row).find((name) => /電話/.test(name))).kind, 's');
	for (const form of ['csv?', 'csv?columns=names&']) assert.doesNotMatch((await head.get(`/staff/export.${form}procedure=long-term-care&scope=all`)).text, /my_number|個人番号/, 'leaves in no table');
	// Of several procedures only what all have.
	assert.equal(readXlsx(await head.get('/staff/export.xlsx?scope=all'))[0].at(-1).value, '納付済額（円）');
	// Only what the person may read is in it.
	const elsewhere = await (await city.as(others.head)).get('/staff/export.csv?procedure=dog-registration&scope=all');
	assert.ok(!elsewhere.text.includes('ポチ') || elsewhere.text.split('\r\n').length < lines);
});

test('who acts by post for an absent officer hears of the absence', async () => {
	const office = await city.office('都市計画課'), head = await city.as(office.head);
	await city.giveMail(office.chief, 'deputy@city.example');
	const { id } = (await head.json('/staff/absences')).json.officer, day = new Date().toLocaleDateString('sv-SE', { timeZone: 'Asia/Tokyo' });
	assert.equal((await head.post(`/staff/absences/${id}/deputy/new`, { deputy: 'rank:係長' })).status, 200);
	assert.equal((await head.post(`/staff/absences/${id}/absence/new`, { from: day, until: day, reason: 'leave' })).status, 200);
	await city.mailbox.find('deputy@city.example', /代わって決裁していただきます[\s\S]*都市計画課/);
	const { absences: [absence], deputies: [deputy] } = (await head.json('/staff/absences')).json;
	for (const [kind, row] of [['absence', absence], ['deputy', deputy]]) await head.post(`/staff/absences/${id}/end`, { kind, row: String(row.id) });
});

test('the outbox says what a mail is about by its receipt number, and nobody has a namesake in the office', async () => {
	const { id } = await applyByJson(resident);
	const { receipt_number: number } = (await resident.json(`/applications/${id}`)).json.application ?? {};
	const operator = await city.as('operator');
	const found = await until(async () => (await operator.json('/staff/outbox')).json.notices.find((n) => n.about === `application:${id}`), 'its mail');
	const { notice } = (await operator.json(`/staff/outbox/${found.id}`)).json;
	assert.match(notice.about_text, /^申請 \d{4}-\d{4}-\d{4}-[\dX]$/);
	assert.ok(!number || notice.about_text.endsWith(number));
	assert.equal(notice.about_href, undefined, 'no link for who may not read it');
	const admin = await city.as('admin'), names = (await admin.json('/staff/users')).json.users.map((u) => `${u.posts[0]?.department} ${u.name}`);
	assert.equal(new Set(names).size, names.length);
});

test('the inventory of procedures is read by all staff and imported by some', async () => {
	const clerk = await city.as(people.clerk);
	const file = Object.assign(new Blob(['id\r\nx\r\n'], { type: 'text/csv' }), { name: 'a.csv' });
	assert.equal((await clerk.post('/staff/procedures/import', { file })).status, 403);
	assert.match((await clerk.get('/staff/procedures.csv?columns=names')).text, /^\ufeff?id,title_ja/);
	const inventory = (await clerk.json('/staff/procedures')).json;
	assert.ok(inventory.count > 20 && inventory.online_percent >= 0);
});

test('a document is revoked with a reason and issued anew; a cancelled decision takes its documents along', async () => {
	const { id } = await applyByJson(resident);
	const head = await city.as(people.head), page = async () => head.get(`/staff/applications/${id}`);
	const documents = async () => (await head.json(`/staff/applications/${id}`)).json.documents;
	const verified = async (code) => (await city.client().json(`/verify/${code}`)).json.document;
	await act(people.clerk, id, 'accept');
	await act(people.clerk, id, 'draft', { outcome: 'granted' });
	await act(people.chief, id, 'route', { action: 'approve' });
	if ((await state(id)).state === 'approval') await act(people.head, id, 'route', { action: 'approve' });
	await until(async () => (await documents()).length > 0, 'its document');
	const all = await documents(), [first] = all;
	const { turn } = await state(id);
	assert.equal((await (await city.as(people.clerk)).post(`/staff/applications/${id}/revoke`, { turn: String(turn), code: first.code, reason: 'x' })).status, 403);
	assert.equal((await (await city.as(others.head)).post(`/staff/applications/${id}/revoke`, { turn: String(turn), code: first.code, reason: 'x' })).status, 404);
	assert.equal((await head.post(`/staff/applications/${id}/revoke`, { turn: String(turn), code: first.code, reason: '' })).status, 422);
	assert.equal((await head.post(`/staff/applications/${id}/revoke`, { turn: String(turn), code: '0000000000000000', reason: 'x' })).status, 422);
	assert.ok((await verified(first.code)).valid);
	const form = async (verb) => head.submit(await page(), `/${verb}`, verb === 'revoke' ? { reason: '氏名の誤記のため' } : {}, { loose: true });
	assert.equal((await form('revoke')).status, 200);
	const [revoked] = (await documents()).filter((d) => d.revoked);
	assert.equal((await verified(revoked.code)).valid, false);
	assert.ok(!(await city.client().get(`/verify/${revoked.code}`)).text.includes('氏名の誤記'), 'the reason is not public');
	await city.mailbox.find('resident1@example.jp', /無効になりました[\s\S]*氏名の誤記のため/);
	const own = await resident.get(`/applications/${id}`);
	assert.ok(own.text.includes('無効') && words(own.text).includes('氏名の誤記のため'));
	assert.ok((await head.json(`/staff/applications/${id}`)).json.history.some((e) => e.event === 'document_revoked' && e.args.reason === '氏名の誤記のため'));
	assert.equal((await form('reissue')).status, 200);
	await until(async () => (await documents()).length > all.length, 'the new one');
	const fresh = (await documents()).at(-1);
	assert.ok(!fresh.revoked && fresh.kind === revoked.kind && fresh.number !== revoked.number);
	const now = await state(id);
	assert.equal((await head.post(`/staff/applications/${id}/reissue`, { turn: String(now.turn), code: revoked.code })).status, 409);
	await head.submit(await page(), '/cancel', { reason: '要件を満たしていなかったため' });
	assert.equal((await state(id)).state, 'cancelled');
	for (const { code } of await documents()) assert.equal((await verified(code)).valid, false, code);
	assert.match((await city.client().get(`/verify/${fresh.code}`)).text, /m-banner--error/);
});

test('staff choose what they are mailed', async () => {
	const clerk = await city.as(people.clerk2);
	let page = await clerk.get('/account/notices');
	assert.ok(page.text.includes('/account/mail'), 'there is no address yet');
	await city.giveMail(people.clerk2, 'clerk2@city.example');
	await city.giveMail(people.chief, 'chief@city.example');
	assert.ok((await clerk.get('/account')).text.includes('/account/notices'));
	page = await clerk.get('/en/account/notices');
	assert.ok(page.text.includes('clerk2@city.example'));
	const wishes = async (who) => Object.fromEntries((await who.json('/account/notices')).json.wishes.map((w) => [w.name, w.on]));
	assert.deepEqual(await wishes(clerk), { submitted: false, message: true, corrected: true, turn: true, digest: false });
	page = await clerk.submit(await clerk.get('/account/notices'), '/account/notices', { submitted: '1', message: undefined });
	assert.equal(page.status, 200);
	assert.deepEqual(await wishes(clerk), { submitted: true, message: false, corrected: true, turn: true, digest: false });
	assert.equal((await resident.get('/account/notices')).status, 403);
	const { id } = await applyByJson(resident);
	await city.mailbox.find('clerk2@city.example', new RegExp(`新しい申請が届きました[\\s\\S]*/staff/applications/${id}`));
	await act(people.clerk, id, 'accept');
	await act(people.clerk, id, 'draft', { outcome: 'granted' });
	const [text] = await city.mailbox.find('chief@city.example', new RegExp(`あなたの番になりました[\\s\\S]*/staff/applications/${id}`));
	assert.ok(!/ポチ|街田/.test(text), 'nothing of what the applicant wrote');
});

test('given to somebody, a correction taken back, the file closed', async () => {
	const { id } = await applyByJson(resident);
	await act(people.clerk, id, 'accept');
	const page = await shown(people.clerk, id);
	const [, other] = /<option value="([1-9]\d*)"(?! selected)[^>]*>/.exec(page.text.slice(page.text.indexOf('name="staff"')));
	const given = async () => (await state(id)).assignee;
	for (const [staff, status, want] of [[other, 200, Number(other)], ['0', 200, 0], ['999999', 422, 0]]) {
		assert.equal((await act(people.clerk, id, 'assign', { staff })).status, status, staff);
		assert.equal(await given(), want);
	}
	await act(people.clerk, id, 'correction', { field: ['dog.colour'], message: '毛の色をお確かめください。' });
	assert.equal((await state(id)).state, 'correction');
	assert.equal((await act(people.clerk, id, 'cancel-correction', { reason: '電話で確かめたため' })).status, 200);
	assert.equal((await state(id)).state, 'reviewing');
	assert.equal((await resident.postJson(`/applications/${id}/correct`, { dog: { colour: '白' } })).status, 409, 'nothing is asked any more');
	const clerk = await city.as(people.clerk);
	const close = async () => (await clerk.post(`/staff/applications/${id}/close`, { turn: String((await state(id)).turn) })).status;
	assert.equal(await close(), 409, 'not before the decision');
	await act(people.clerk, id, 'draft', { outcome: 'refused', reason: '狼のため。' });
	await act(people.chief, id, 'route', { action: 'approve' });
	assert.equal((await act(people.clerk, id, 'close')).status, 200);
	assert.equal((await state(id)).state, 'closed');
	assert.equal(await close(), 409);
});

test('the operator takes a job out of the queue, and the journal says who', async () => {
	const operator = await city.as('operator');
	const jobs = async () => (await operator.json('/staff/jobs?state=waiting')).json.jobs;
	const [job] = (await jobs()).filter((j) => j.kind === 'mail.clean');
	const press = async (id, verb) => (await operator.post(`/staff/jobs/${id}/${verb}`)).status;
	assert.equal(await press(job.id, 'retry'), 404, 'it is not dead');
	assert.ok(await press(job.id, 'discard') < 400);
	assert.ok(!(await jobs()).some((j) => j.id === job.id));
	assert.equal(await press(job.id, 'discard'), 404);
	assert.equal((await (await city.as(people.clerk)).post(`/staff/jobs/${job.id}/discard`)).status, 403);
});

test('the whole store fits its journal', () => {
	assert.match(city.cli('verify'), /^problems: 0$/m);
});
