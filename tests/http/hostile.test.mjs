// Every field of every shipped form against what people and attackers send: never a failure of the server; what is
// wrong comes back as it was typed with a message; nothing becomes markup. The forms are read from the pages, so a
// new procedure or field is tried by itself.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, forms, root } from '../lib/city.mjs';
import { idOf, nested } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());
// Forms that want more than a password are tried, too: here a password will do for them.
const shipped = join(root, 'packs/resident/procedures'), own = join(city.dir, 'demo/custom/packs/resident/procedures');
mkdirSync(own, { recursive: true });
for (const file of readdirSync(shipped).filter((name) => name.endsWith('.yaml'))) {
	const yaml = readFileSync(join(shipped, file), 'utf8');
	if (/^assurance: (substantial|high)$/m.test(yaml)) writeFileSync(join(own, file), yaml.replace(/^assurance: .*$/m, 'assurance: low'));
}
await city.kill();
await city.serve();
const resident = await city.as('resident1@example.jp'), csrf = await resident.token();
const token = { headers: { 'x-csrf-token': csrf } };
const procedures = (await city.client().json('/procedures')).json.procedures.filter((p) => p.online);

// Typed into every text control of a step at once. same: it comes back exactly so.
const texts = [
	{ value: '"\'><script>alert(1)</script><b id=hostile>', same: true },
	{ value: '{{city}}{{{city}}}{{#x}}', same: true },
	{ value: '\'; DROP TABLE application; --', same: true },
	{ value: '9'.repeat(400), same: true },
	{ value: '-1', same: true }, { value: '1e308', same: true }, { value: 'NaN', same: true }, { value: '0x10', same: true },
	{ value: '1,2,3.4.5', same: true }, { value: '１２３', same: true }, { value: '👩‍👩‍👧‍👦\u{2fa1d}', same: true },
	{ value: 'あ'.repeat(5000) }, { value: 'a\0b' }, { value: 'a\u0001\u001b[31m\u0085b' }, { value: '\u202eabc\u2066\u200fdef' },
	{ value: '\ud800' }, { value: 'a\r\nb\rc\n\n' }, { value: ' 　\t' },
];
const days = [['', '2026', '2', '30'], ['S', '99', '1', '1'], ['S', '64', '1', '8'], ['R', '0', '1', '1'], ['H', '31', '5', '1'], ['X', '1', '1', '1'],
	['', '99999', '1', '1'], ['', '-1', '-1', '-1'], ['R', '9'.repeat(30), '１３', '1'], ['', '0000', '00', '00'], ['M', '1', '1', '1']];
const values = [null, true, -1, 1e308, 0.1, '', [], {}, [[]], [null], { a: { b: 1 } }, ['a', 'a'], '9'.repeat(400), { family: ['x'], year: {} }];

const formOf = (page) => forms(page.text).find((f) => f.method === 'post' && f.action.includes('/steps/'));
function harmless(page, what) {
	assert.ok(page.status < 500, `${what}: ${page.status} ${page.text.slice(0, 600)}`);
	assert.ok(!/<script>alert|<b id=hostile/.test(page.text), `${what}: markup`);
}
async function send(path, pairs, what) {
	const page = await resident.request('POST', path, { body: new URLSearchParams([...pairs, ['csrf', csrf]]) });
	harmless(page, what);
	return page;
}

for (const { id: procedure } of procedures) test(procedure, async () => {
	const { applicants } = (await resident.json(`/procedures/${procedure}`)).json;
	const begun = await resident.postJson(`/procedures/${procedure}/apply`, { applicant_kind: applicants?.[0]?.value ?? 'resident' });
	assert.ok(begun.status < 400, begun.text);
	const id = idOf(begun.location);
	let tried = 0;
	for (let step = 1; step < 40; step++) {
		const path = `/applications/${id}/steps/${step}`, page = await resident.get(path, { follow: false });
		if (page.status === 404) break;
		harmless(page, path);
		const form = page.status === 200 && formOf(page);
		if (!form) continue;
		const controls = [...form.names].filter((name) => !/^(csrf|lookup)$|\.(remove|add|era)$/.test(name));
		const chosen = new Map(form.fields);
		for (const { value, same } of texts) {
			const back = await send(path, controls.map((name) => [name, value]), `${path} ${JSON.stringify(value).slice(0, 40)}`);
			tried += controls.length;
			const fields = new Map(back.status === 422 ? formOf(back).fields : []);
			for (const [name, shown] of fields)
				if (same && chosen.get(name) === '' && controls.includes(name) && !/my_number/.test(name))
					assert.equal(shown, value, `${path} ${name} comes back as typed`);
		}
		const dates = controls.filter((name) => name.endsWith('.month')).map((name) => name.slice(0, -6));
		for (const day of dates.length ? days : []) {
			const pairs = dates.flatMap((name) => ['era', 'year', 'month', 'day'].map((part, i) => [`${name}.${part}`, day[i]]));
			const back = await send(path, pairs, `${path} ${day}`);
			tried += dates.length;
			const fields = new Map(back.status === 422 ? formOf(back).fields : []);
			for (const [name, value] of pairs) if (fields.has(name) && !name.endsWith('.era')) assert.equal(fields.get(name), value, `${path} ${name} of ${day}`);
		}
		for (const value of values) {
			const answer = await resident.postJson(path, nested(Object.fromEntries(controls.map((name) => [name, value]))), token);
			assert.ok(answer.status < 500, `${path} ${JSON.stringify(value)}: ${answer.status} ${answer.text.slice(0, 400)}`);
			const whole = await resident.postJson(path, { [controls[0]?.split('.')[0] ?? 'x']: value }, token);
			assert.ok(whole.status < 500, `${path} as a whole ${JSON.stringify(value)}: ${whole.status} ${whole.text.slice(0, 400)}`);
		}
		await send(path, [[`${controls[0]?.split('.')[0]}.999.x`, '1'], [`${controls[0]?.split('.')[0]}.-1.x`, '1'], ['..', '1'], ['', '1']], `${path} unknown names`);
	}
	assert.ok(tried > 0, 'the form has fields');
	harmless(await resident.get(`/applications/${id}/confirm`), 'confirm');
	harmless(await resident.get('/my'), 'my');
	harmless(await resident.post(`/applications/${id}/submit`), 'submit');
});

test('ten megabytes in one field', async () => {
	const path = `/applications/${idOf((await resident.postJson('/procedures/dog-registration/apply', { applicant_kind: 'resident' })).location)}/steps/1`;
	const body = new URLSearchParams([['owner.phone', 'a'.repeat(10 << 20)], ['csrf', csrf]]);
	assert.equal((await resident.request('POST', path, { body })).status, 413, 'the answer is heard, also by who goes on sending');
	// Without a length, and more than the server reads to its end.
	const stream = (bytes) => new Blob([Buffer.alloc(bytes)]).stream();
	for (const [bytes, options] of [[10 << 20, { body: stream(10 << 20), duplex: 'half' }], [80 << 20, { body: Buffer.alloc(80 << 20) }]]) {
		const answer = await fetch(city.url + path, { method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }, redirect: 'manual', ...options });
		assert.ok([401, 413].includes(answer.status), `${bytes}: ${answer.status}`);
		assert.equal((await answer.json()).status, answer.status);
	}
	const page = await resident.get(path);
	assert.equal(page.status, 200);
	assert.equal(formOf(page).fields.find(([name]) => name === 'owner.phone')[1].length < 100, true, 'nothing of it was kept');
});
