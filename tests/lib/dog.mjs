// An application for dog registration, as the tests fill it in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './city.mjs';

export const owner = {
	'owner.name.family': '街田', 'owner.name.given': '花',
	'owner.furigana.family': 'マチダ', 'owner.furigana.given': 'ハナ',
	'owner.address.postal_code': '760-8571', 'owner.address.prefecture': '香川県', 'owner.address.city': '高松市',
	'owner.address.town': '番町', 'owner.address.street': '1-8-15', 'owner.phone': '087-800-0001',
};
export const dog = {
	'dog.call_name': 'ポチ', 'dog.breed': '柴犬', 'dog.sex': 'male', 'dog.colour': '茶',
	'dog.birthday.era': 'R', 'dog.birthday.year': '7', 'dog.birthday.month': '4', 'dog.birthday.day': '1',
	'dog.kept_since.era': '', 'dog.kept_since.year': '2025', 'dog.kept_since.month': '6', 'dog.kept_since.day': '1',
	'dog.chip': 'no',
};
export const place = { 'place.same': 'yes', 'place.statement': 'yes' };
export const office = '生活衛生課';

export function photo(name = '犬.png') {
	return Object.assign(new Blob([readFileSync(join(root, 'data/demo/house.png'))], { type: 'image/png' }), { name });
}

// Nested answers, as a program sends them.
export function nested(fields) {
	const out = {};
	for (const [name, value] of Object.entries(fields)) {
		const parts = name.split('.');
		parts.slice(0, -1).reduce((at, part) => at[part] ??= {}, out)[parts.at(-1)] = value;
	}
	return out;
}

export const idOf = (path) => Number(/applications\/(\d+)/.exec(path)[1]);

// Begins, fills in and submits through the pages; gives the page after the submission.
export async function applyByForms(client, change = {}) {
	let page = await client.submit(await client.get('/procedures/dog-registration'), '/apply');
	page = await client.submit(page, '/steps/1', { ...owner, ...change.owner });
	page = await client.submit(page, '/steps/2', { ...dog, ...change.dog });
	page = await client.submit(page, '/steps/3', { ...place, ...change.place });
	page = await client.submit(page, '/steps/4', change.files ?? {});
	return client.submit(page, '/submit');
}

// The same as a program; gives the application's number.
export async function applyByJson(client, change = {}, options = {}) {
	const begun = await client.postJson('/procedures/dog-registration/apply', { applicant_kind: 'resident' }, options);
	const id = idOf(begun.location);
	for (const [step, answers] of [[1, { ...owner, ...change.owner }], [2, { ...dog, ...change.dog }], [3, { ...place, ...change.place }], [4, {}]]) {
		const answer = await client.postJson(`/applications/${id}/steps/${step}`, nested(answers), options);
		if (answer.status >= 300) throw new Error(`step ${step}: ${answer.status} ${answer.text}`);
	}
	const sent = await client.postJson(`/applications/${id}/submit`, {}, options);
	if (sent.status >= 300) throw new Error(`submit: ${sent.status} ${sent.text}`);
	return { id, receipt: sent.json.receipt_number, answer: sent };
}
