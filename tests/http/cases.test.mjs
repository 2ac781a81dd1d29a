// Fees, places, mandates and the inventory: what happens around a decision.
import test from 'node:test';
import assert from 'node:assert/strict';
import { City, until, words } from '../lib/city.mjs';
import { applyByJson, idOf, office, photo } from '../lib/dog.mjs';
import { pdfText } from '../lib/pdf.mjs';
import { address, applyFor, applyForCourse, applyForSign, applyForTaxCertificate, taxed } from '../lib/apply.mjs';

const city = await City.start({ mail: true });
test.after(() => city.stop());
const resident = await city.as('resident1@example.jp'), other = await city.as('resident2@example.jp');
const planning = await city.office('都市計画課'), tax = await city.office('市民税課'), learning = await city.office('生涯学習課');

const page = async (login, id) => (await city.as(login)).get(`/staff/applications/${id}`);
const view = async (login, id) => (await (await city.as(login)).json(`/staff/applications/${id}`)).json;
const press = async (login, id, verb, values = {}) => (await city.as(login)).submit(await page(login, id), `/${verb}`, values);
const own = async (id, client = resident) => (await client.json(`/applications/${id}`)).json;
async function decide(people, id, outcome = { outcome: 'granted' }) {
	for (const [login, verb, values] of [[people.clerk, 'accept', {}], [people.clerk, 'draft', outcome], [people.chief, 'route', { action: 'approve' }]]) {
		const done = await press(login, id, verb, values);
		assert.equal(done.status, 200, `${verb}: ${words(done.text).slice(0, 1200)}`);
	}
}

test('a fee before the decision holds it back until it is paid', async () => {
	const { id } = await applyForSign(resident, { area: 3 });
	await decide(planning, id);
	let mine = await own(id);
	assert.equal(mine.application.state, 'payment');
	assert.equal(mine.fee_yen, 1500);
	assert.equal(mine.documents.length, 0, 'no permit before it is paid');
	await city.mailbox.find('resident1@example.jp', /1,?500円/);
	assert.ok(words((await resident.get(`/applications/${id}`)).text).includes('手数料の納付をお待ちしています'), 'the applicant is told what to do');
	assert.equal((await press(planning.clerk, id, 'payment', { yen: '1000', method: 'cash' })).status, 422, 'all of it');
	assert.equal((await (await city.as(tax.clerk)).post(`/staff/applications/${id}/payment`, { yen: '1500', method: 'cash' })).status, 404);
	assert.equal((await press(planning.clerk, id, 'payment', { yen: '1500', method: 'cash' })).status, 200);
	assert.equal((await (await city.as(planning.clerk)).post(`/staff/applications/${id}/payment`, { yen: '1500', method: 'cash' })).status, 409, 'not twice');
	mine = await own(id);
	assert.equal(mine.application.state, 'granted');
	const [permit] = await until(async () => { const { documents } = await own(id); return documents.length && documents; }, 'the permit');
	assert.equal((await resident.get(permit.href)).bytes.subarray(0, 4).toString(), '%PDF');
	assert.match((await page(planning.clerk, id)).text, /納付済/);
	const receipt = await resident.get(`/applications/${id}/receipt.pdf`);
	assert.equal(receipt.bytes.subarray(0, 4).toString(), '%PDF');
});

test('a fee may be waived, with a reason; a refusal asks for none', async () => {
	const { id } = await applyForTaxCertificate(resident, 2);
	await decide(tax, id, { outcome: 'granted', ...taxed });
	assert.equal((await own(id)).fee_yen, 600);
	assert.equal((await press(tax.clerk, id, 'waive', { reason: '' })).status, 422);
	assert.equal((await press(tax.clerk, id, 'waive', { reason: '生活保護を受けているため。' })).status, 200);
	assert.equal((await own(id)).application.state, 'granted');
	const refused = await applyForTaxCertificate(resident, 1);
	await decide(tax, refused.id, { outcome: 'refused', reason: '他市で課税されているため。' });
	assert.equal((await own(refused.id)).application.state, 'refused');
	assert.equal((await view(tax.clerk, refused.id)).application.can.pay, undefined);
});

test('what the office finds is asked for with the decision, kept from the applicant, and stands in the document', async () => {
	const property = await city.office('資産税課');
	const name = { family: '街田', given: '花' };
	const { id } = await applyFor(resident, 'damage-certificate', [
		{ applicant: { name, address, phone: '087-800-0001', relation: 'owner' } },
		{ disaster: { kind: 'storm', date: '2026-09-10' } },
		{ building: { place: address, use: 'house', water: 'none', damage: '屋根の瓦が飛びました。', self_judgement: 'yes' } },
		{ household: [{ name, relation: 'head', years: 46 }, { name: { family: '街田', given: '実' }, relation: 'child', years: 12 }] },
		{ files: [['attachments.photos', photo()]] },
	]);
	await press(property.clerk, id, 'accept');
	let shown = await page(property.clerk, id);
	assert.match(shown.text, /name="findings\.grade"/);
	// Without the grade there is no certificate; what was typed stays, and each mistake is told at its place.
	const grade = { 'findings.cause': '令和8年台風第15号', 'findings.survey': 'photographs', 'findings.surveyed.era': 'R', 'findings.surveyed.year': '8', 'findings.surveyed.month': '9', 'findings.surveyed.day': '20' };
	shown = await press(property.clerk, id, 'draft', { outcome: 'granted', ...grade });
	assert.equal(shown.status, 422);
	assert.match(shown.text, /href="#draft-findings\.grade"/);
	assert.match(shown.text, /value="令和8年台風第15号"/);
	shown = await press(property.clerk, id, 'draft', { outcome: 'granted', ...grade, 'findings.grade': 'half' });
	assert.equal(shown.status, 422, 'by photographs only slight damage can be judged');
	assert.equal((await view(property.clerk, id)).application.state, 'accepted');
	assert.equal((await press(property.clerk, id, 'draft', { outcome: 'granted', ...grade, 'findings.grade': 'slight' })).status, 200);
	assert.ok(words((await page(property.chief, id)).text).includes('準半壊に至らない（一部損壊）'), 'those who decide read it');
	const mine = await resident.json(`/applications/${id}`);
	assert.ok(!JSON.stringify(mine.json).includes('findings') && !JSON.stringify(mine.json).includes('slight'), 'the applicant does not, before the decision');
	assert.equal((await press(property.chief, id, 'route', { action: 'approve' })).status, 200);
	const [certificate] = await until(async () => { const { documents } = await own(id); return documents.length && documents; }, 'the certificate');
	const text = pdfText((await resident.get(certificate.href)).bytes);
	for (const word of ['街田花', '台風第15号', '準半壊に至らない', '世帯主', '街田実', '上記のとおり、相違ないことを証明します']) assert.ok(text.includes(word.normalize('NFKC')), `${word} in ${text}`);
	assert.ok(text.indexOf('上記のとおり') > text.indexOf('準半壊に至らない'), 'below what it certifies');
});

test('an applicant cannot write what only the office may find', async () => {
	const begun = await resident.postJson('/procedures/damage-certificate/apply', { applicant_kind: 'resident' });
	const base = begun.location.replace(/\/steps.*/, '');
	await resident.postJson(`${base}/steps/1`, { findings: { grade: 'total' }, 'findings.grade': 'total', applicant: { phone: '087-800-0001' } });
	for (const step of ['-1', '-2', '0', 'findings']) assert.ok((await resident.postJson(`${base}/steps/${step}`, { findings: { grade: 'total' } })).status >= 400, step);
	assert.ok(!JSON.stringify((await resident.json(`${base}/steps/1`)).json).includes('total'));
});

test('places: when all are taken one waits, and moves up when somebody withdraws', async () => {
	const taken = [];
	let waiting;
	for (let i = 0; i < 40 && !waiting; i++) {
		const { id } = await applyForCourse(i ? resident : other, 'cooking');
		if ((await own(id, i ? resident : other)).application.place === 'waiting') waiting = id;
		else taken.push(id);
	}
	assert.ok(waiting && taken.length <= 12, `${taken.length} places`);
	const seen = async (id, client = resident) => words((await client.get(`/applications/${id}`)).text);
	assert.match(await seen(waiting), /キャンセル待ち.*あなたの順番は1番目です。.*空きが出ると、申し込んだ順に/);
	assert.doesNotMatch(await seen(waiting), /処理の期限/, 'no day can be told');
	assert.match(words((await resident.get('/my')).text), /キャンセル待ち/);
	assert.doesNotMatch((await city.mailbox.find('resident1@example.jp', /キャンセル待ちになっています/)).input, /処理の目安/);
	assert.match(await seen(taken[0], other), /定員 定員に入っています/);
	assert.equal((await press(learning.clerk, waiting, 'accept')).status, 200);
	assert.ok(words((await page(learning.clerk, waiting)).text).includes('キャンセル待ち'));
	assert.equal((await press(learning.clerk, waiting, 'draft', { outcome: 'granted' })).status, 409, 'no place, no grant');
	const second = (await applyForCourse(other, 'cooking')).id;
	assert.equal((await own(second, other)).application.waiting_number, 2);
	const draft = idOf((await resident.postJson('/procedures/course-signup/apply', { applicant_kind: 'resident' })).location);
	const asked = async (course) => {
		await resident.postJson(`/applications/${draft}/steps/1`, { course: { course } });
		return words((await resident.get(`/applications/${draft}/confirm`)).text).includes('いま送ると、キャンセル待ちになります。');
	};
	assert.deepEqual([await asked('cooking'), await asked('english')], [true, false], 'told before it is sent');
	assert.match(words((await other.get(`/applications/${taken[0]}/withdraw`)).text), /次に待っている方に移ります/);
	const gone = await other.submit(await other.get(`/applications/${taken[0]}/withdraw`), '/withdraw', { reason: '都合がつかなくなったため' });
	assert.equal(gone.status, 200);
	assert.equal((await own(waiting)).application.place, 'taken', 'the first who waits');
	assert.equal((await own(second, other)).application.place, 'waiting', 'and nobody else');
	await city.mailbox.find('resident1@example.jp', /空きが出たため、定員に入りました/);
	assert.equal((await press(learning.clerk, waiting, 'draft', { outcome: 'granted' })).status, 200);
	assert.equal((await press(learning.chief, waiting, 'route', { action: 'approve' })).status, 200);
	assert.equal((await own(waiting)).application.state, 'granted');
});

test('rows sent as JSON are matched by their place, and there are as many as are sent', async () => {
	const begun = await resident.postJson('/procedures/outdoor-advertisement/apply', { applicant_kind: 'resident' });
	const path = `${begun.location.replace(/\/steps.*/, '')}/steps/3`;
	const sign = { kind: 'wall', area: 3, height: 3, lighting: 'yes', quantity: 1, text: 'うどん' };
	const rows = async () => (await resident.json(path)).json.form.section.rows.map((r) => Object.fromEntries(r.fields.map((f) => [f.name.split('.').at(-1), f.value])));
	const send = async (body) => assert.ok((await resident.postJson(path, body)).status < 400);
	await send({ signs: [sign, { ...sign, text: 'そば' }] });
	await send({ signs: [{ quantity: 2 }, {}] });
	let [first, second] = await rows();
	assert.deepEqual([first.quantity, first.lighting, first.text, second.text, second.quantity], ['2', 'yes', 'うどん', 'そば', '1']);
	await send({ signs: [{}] });
	assert.equal((await rows()).length, 1);
	await send({});
	assert.equal((await rows())[0].text, 'うどん', 'an empty change changes nothing');
});

test('a proxy says for whom, shows the mandate, and staff see both', async () => {
	await assert.rejects(applyForTaxCertificate(resident, 1, { kind: 'proxy', files: [['attachments.mandate', photo('委任状.png')]] }), /422/, 'nobody acts for nobody');
	const mandate = { principal_name: '街田 松', principal_address: '高松市番町1-8-15', ground: 'letter', valid_until: '2099-03-31' };
	await assert.rejects(applyForTaxCertificate(resident, 1, { kind: 'proxy', mandate: { ...mandate, ground: 'because' }, files: [] }), /422/);
	await assert.rejects(applyForTaxCertificate(resident, 1, { kind: 'proxy', mandate }), /422/, 'the letter itself is asked for');
	const { id } = await applyForTaxCertificate(resident, 1, { kind: 'proxy', mandate, files: [['attachments.mandate', photo('委任状.png')]] });
	const shown = words((await page(tax.clerk, id)).text);
	for (const word of ['街田 松', '委任状', '代理']) assert.ok(shown.includes(word), word);
	assert.ok(words((await resident.get(`/applications/${id}`)).text).includes('街田 松'), 'and so does the proxy');
	assert.equal((await view(tax.clerk, id)).application.mandate.ground, 'letter');
});

test('the inventory is imported by who may, all of it or nothing', async () => {
	const file = (text) => ({ file: Object.assign(new Blob([text], { type: 'text/csv' }), { name: '棚卸し.csv' }) });
	const admin = await city.as('admin');
	const clerk = await city.as(tax.clerk);
	assert.equal((await clerk.post('/staff/procedures/import', file('id,title_ja\r\n'))).status, 403);
	assert.ok(!(await clerk.get('/staff/procedures')).text.includes('/staff/procedures/import'), 'no form for who may not');
	const { users } = (await admin.json(`/staff/users?q=${tax.clerk}`)).json;
	await admin.post(`/staff/users/${users.find((u) => u.login === tax.clerk).id}/add/role`, { role: 'procedures', department: '', from: '', until: '' });
	let shown = await clerk.get('/staff/procedures');
	const wrong = 'id,title_ja,department,life_events,yearly_volume,priority\r\nnew-one,新しい手続,市民課,moving,12,A\r\nBad Id,悪い,市民課,moving,many,Z\r\n,空,市民課,,1,\r\n';
	shown = await clerk.submit(shown, '/import', file(wrong), { loose: true });
	assert.equal(shown.status, 422);
	const problems = words(shown.text);
	assert.match(problems, /3行目.*id/);
	assert.match(problems, /3行目.*yearly_volume/);
	assert.match(problems, /3行目：優先度/);
	assert.match(problems, /4行目.*id/);
	assert.equal((await clerk.get('/procedures/new-one')).status, 404, 'nothing is kept');
	assert.equal((await clerk.submit(await clerk.get('/staff/procedures'), '/import', {})).status, 422, 'no file');
	assert.equal((await clerk.submit(await clerk.get('/staff/procedures'), '/import', file('title_en\r\nx\r\n'), { loose: true })).status, 422, 'no such columns');
	const good = 'id,title_ja,title_en,department,life_events,yearly_volume,where_ja,priority\r\nnew-one,新しい手続,A new procedure,市民課,moving,12,1階5番窓口,A\r\n';
	shown = await clerk.submit(await clerk.get('/staff/procedures'), '/import', file(good), { loose: true });
	assert.equal(shown.status, 200);
	assert.match(words(shown.text), /1件/);
	assert.ok(shown.text.includes('新しい手続'));
	const entry = await resident.get('/procedures/new-one');
	assert.equal(entry.status, 200);
	assert.ok(words(entry.text).includes('1階5番窓口'), 'where to go instead');
	assert.equal((await resident.post('/procedures/new-one/apply', {})).status, 404);
	// Again: the same entry is changed, not added.
	shown = await clerk.submit(await clerk.get('/staff/procedures'), '/import', file(good.replace('新しい手続', '改めた手続')), { loose: true });
	assert.ok(shown.text.includes('改めた手続') && !shown.text.includes('新しい手続'));
	assert.match((await clerk.get('/staff/procedures.csv?columns=names')).text, /new-one,改めた手続/);
	// A file of some columns leaves the others as they are; the national survey's headings are known.
	const some = '手続ID,手続名,法令名,根拠条項号,総手続件数,オンライン化の実施状況\r\nnew-one,改めた手続,住民基本台帳法,第22条,34,2 未実施\r\n';
	await clerk.submit(await clerk.get('/staff/procedures'), '/import', file(some), { loose: true });
	assert.match((await clerk.get('/staff/procedures.csv?columns=names')).text, /new-one,改めた手続,A new procedure,市民課,moving,住民基本台帳法,第22条,34,,1階5番窓口,,,,A,0\r\n/);
	assert.ok(words((await resident.get('/procedures/new-one')).text).includes('1階5番窓口'));
	// What was exported is imported again as it is, and nothing is other than before.
	const named = () => clerk.get('/staff/procedures.csv?columns=names').then((answer) => answer.text), was = await named();
	for (const path of ['/staff/procedures.csv?columns=names', '/staff/procedures.csv', '/en/staff/procedures.csv']) {
		const exported = (await clerk.get(path)).text;
		assert.equal((await clerk.submit(await clerk.get('/staff/procedures'), '/import', file(exported), { loose: true })).status, 200, path);
		assert.equal(await named(), was, path);
	}
	assert.match((await clerk.get('/staff/procedures.csv')).text, /^\ufeff手続の符号,手続名（日本語）/);
	assert.match((await clerk.get('/staff/procedures.csv')).text, /new-one,改めた手続,A new procedure,市民課,引越し・住まい,.*,いいえ\r\n/);
});

test('buttons and links are only for who may press them', async () => {
	const dogs = await city.office(office);
	const { id } = await applyByJson(resident);
	assert.ok(!(await (await city.as(dogs.clerk)).get('/staff')).text.includes('/staff/export.csv'));
	assert.ok((await (await city.as(dogs.head)).get('/staff')).text.includes('/staff/export.csv'));
	assert.ok(!(await page(dogs.clerk, id)).text.includes(`/applications/${id}/cancel"`), 'a clerk cancels nothing');
});

test('the whole store fits its journal', () => {
	assert.match(city.cli('verify'), /^problems: 0$/m);
});
