// What a city is beside its code: closed days, its organisation, the counts of its catalogue.
import test from 'node:test';
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { City, machi, root, words } from '../lib/city.mjs';
import { spawnSync } from 'node:child_process';
import { applyByJson, office } from '../lib/dog.mjs';

const city = await City.start();
test.after(() => city.stop());
const folder = join(city.dir, 'demo');
const resident = await city.as('resident1@example.jp');
const due = async (id) => (await resident.json(`/applications/${id}`)).json.application.due;
async function again() {
	await city.kill();
	city.code = undefined;
	await city.serve();
	for (const client of city.people.values()) client.base = city.url;
}
const check = () => spawnSync(machi, ['check', '--data', city.dir, '--city', 'demo'], { env: city.env, encoding: 'utf8' });

test('the counts of life events and departments are those of the lists', async () => {
	const anybody = city.client();
	const front = (await anybody.json('/')).json, list = (await anybody.json('/procedures')).json;
	assert.equal(front.all_count, list.count);
	assert.ok(front.life_events.length > 10);
	for (const event of front.life_events) assert.equal((await anybody.json(`/procedures?event=${event.key}`)).json.count, event.count, event.key);
	for (const department of list.departments) assert.equal((await anybody.json(`/procedures?department=${encodeURIComponent(department.name)}`)).json.count, department.count, department.name);
	assert.deepEqual(list.life_events.map((e) => e.count), front.life_events.map((e) => e.count));
	// In English every department has an English name.
	const english = city.client({ lang: 'en' });
	const there = (await english.json('/procedures')).json;
	for (const d of there.departments) assert.doesNotMatch(d.label, /[ぁ-んァ-ヶ一-龠]/, d.name);
	for (const p of there.procedures) assert.doesNotMatch(p.department, /[ぁ-んァ-ヶ一-龠]/, p.id);
	assert.ok(words((await english.get('/procedures/dog-registration')).text).includes('Environmental Health Division'));
	// An import counts at once.
	const operator = await city.as('operator');
	const file = Object.assign(new Blob(['id,title_ja,department,life_events\r\ncount-me,数える手続,市民課,moving;tax\r\n'], { type: 'text/csv' }), { name: 'a.csv' });
	assert.equal((await operator.submit(await operator.get('/staff/procedures'), '/import', { file }, { loose: true })).status, 200);
	const count = (view, key) => view.life_events.find((e) => e.key === key).count;
	for (const key of ['moving', 'tax']) assert.equal(count((await resident.json('/procedures')).json, key), count(front, key) + 1, key);
});

test('the city closes on days of its own: deadlines in business days go round them', async () => {
	const before = await due((await applyByJson(resident)).id);
	const day = new Date(`${before}T00:00:00Z`);
	const closed = [0, 1, 2].map((n) => new Date(day.getTime() - n * 86400000).toISOString().slice(0, 10));
	appendFileSync(join(folder, 'city.yaml'), `\nclosed-days: ["${closed[0]}", "${closed[1].slice(5)}", "${closed[2]}", "no day"]\n`);
	await again();
	const after = await due((await applyByJson(resident)).id);
	assert.ok(after > before, `${after} after ${before}`);
	assert.ok(!closed.includes(after));
	assert.match(city.log(), /closed-days: entry 4 is no date/);
});

test('a department that is not there: machi check says where, and applications go to the fallback', async () => {
	assert.equal(check().status, 0, check().stdout);
	const own = join(folder, 'custom/packs/resident/procedures');
	mkdirSync(own, { recursive: true });
	const yaml = readFileSync(join(root, 'packs/resident/procedures/dog-registration.yaml'), 'utf8').replace(`department: ${office}`, 'department: 犬課');
	writeFileSync(join(own, 'dog-registration.yaml'), yaml);
	const said = check();
	const line = yaml.split('\n').findIndex((l) => l.startsWith('department:')) + 1;
	assert.match(said.stdout, new RegExp(`dog-registration\\.yaml:${line}:\\d+: there is no department .犬課.\\n +add the department`));
	assert.equal(said.status, 3);
	appendFileSync(join(folder, 'city.yaml'), 'fallback-department: 総務課\n');
	await again();
	assert.match(city.log(), /there is no department `犬課`/, 'the log says so, and the city is served');
	const { id } = await applyByJson(resident);
	const people = await city.office('総務課');
	const clerk = await city.as(people.clerk);
	assert.equal((await clerk.json(`/staff/applications/${id}`)).json.application.department_name, '総務課');
	assert.ok((await clerk.json('/staff?scope=all')).json.rows.some((r) => r.id === id), 'in the inbox of the department');
	assert.ok(words((await clerk.get(`/staff/applications/${id}`)).text).includes('街田'));
});

test('the whole store fits its journal', () => {
	assert.match(city.cli('verify'), /^problems: 0$/m);
});
