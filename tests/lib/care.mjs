// Applications for long-term care, the form that asks for a 個人番号; invented numbers for them, and staff who may see one.
import { totp, totpOn, totpStep } from './totp.mjs';
import { address, applyFor } from './apply.mjs';

export const careOffice = '介護保険課';

// A 個人番号 with its right check digit that was given to nobody we know: eleven digits as asked.
export function individualNumber(eleven) {
	const digits = [...String(eleven).padStart(11, '0')].map(Number).reverse();
	const rest = digits.reduce((sum, p, i) => sum + p * (i < 6 ? i + 2 : i - 4), 0) % 11;
	return `${String(eleven).padStart(11, '0')}${rest <= 1 ? 0 : 11 - rest}`;
}

const name = { family: '街田', given: '花' };
export const careSteps = (number) => [
	{ insured: { number: '0000123456', my_number: number, name, furigana: { family: 'マチダ', given: 'ハナ' }, birthday: '1940-04-01', address, phone: '087-800-0001',
		insurer: '高松市国民健康保険', insurer_number: '01234567' } },
	{ request: { kind: 'new', reason: '足腰が弱くなったため。' } },
	{ doctor: { name: '三好 誠', clinic: 'せとうち内科クリニック' } },
	{ survey: { place: 'home', contact: name, contact_phone: '087-800-0001' } },
	{ agreement: { consent: true } },
];
export const applyForCare = (client, number) => applyFor(client, 'long-term-care', careSteps(number));

export async function idOfStaff(city, login) {
	return (await (await city.as('admin')).json(`/staff/users?q=${login}`)).json.users.find((u) => u.login === login).id;
}

// The role for numbers in a department (by name).
export async function mayHandle(city, login, office = careOffice) {
	const admin = await city.as('admin');
	const department = (await admin.json('/staff/departments')).json.departments.find((d) => d.name === office).id;
	const done = await admin.postJson(`/staff/users/${await idOfStaff(city, login)}/add/role`, { role: 'my_number', department: String(department), reason: '介護保険の事務' });
	if (done.status >= 400) throw new Error(`role of ${login}: ${done.status} ${done.text}`);
}

// Staff with two factors in this session.
export async function sure(city, login) {
	const client = await city.as(login), step = totpStep(), secret = await totpOn(client, step); // the next code counts already
	const form = await client.get('/account/assurance/totp?next=/staff');
	const raised = await client.submit(form, '/account/assurance/totp', { code: totp(secret, step + 1) }, { follow: false });
	if (raised.status !== 303) throw new Error(`two factors of ${login}: ${raised.status} ${raised.text}`);
	return client;
}
