// Applications for other procedures than the dog's, made as a program would: steps as JSON, files as a form.
import { execFileSync } from 'node:child_process';
import { idOf, owner } from './dog.mjs';

export const address = Object.fromEntries(Object.entries(owner).filter(([name]) => name.startsWith('owner.address.')).map(([name, value]) => [name.slice(14), value]));

// A PDF of one empty page, as somebody's drawing.
export function pdf(name = '図面.pdf') {
	const bytes = execFileSync('python3', ['-c', `
import sys
parts = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"]
out = b"%PDF-1.4\\n"
at = []
for i, part in enumerate(parts):
    at.append(len(out)); out += b"%d 0 obj%s endobj\\n" % (i + 1, part)
start = len(out)
out += b"xref\\n0 4\\n0000000000 65535 f \\n" + b"".join(b"%010d 00000 n \\n" % a for a in at)
out += b"trailer<</Size 4/Root 1 0 R>>startxref\\n%d\\n%%%%EOF\\n" % start
sys.stdout.buffer.write(out)`]);
	return Object.assign(new Blob([bytes], { type: 'application/pdf' }), { name });
}

// steps: answers of each section in order; null leaves one out; an object with `files` is sent as a form.
// Gives {id, receipt}.
export async function applyFor(client, procedure, steps, { kind = 'resident', mandate } = {}) {
	const begun = await client.postJson(`/procedures/${procedure}/apply`, { applicant_kind: kind });
	if (begun.status >= 400) throw new Error(`${procedure}: ${begun.status} ${begun.text}`);
	const id = idOf(begun.location);
	if (mandate) {
		const said = await client.postJson(`/applications/${id}/mandate`, mandate);
		if (said.status >= 400) throw new Error(`mandate: ${said.status} ${said.text}`);
	}
	for (const [at, step] of steps.entries()) {
		if (!step) continue;
		const path = `/applications/${id}/steps/${at + 1}`;
		const answer = step.files ? await client.post(path, step.files, { multipart: true, follow: false, headers: { accept: 'application/json' } })
			: await client.postJson(path, step);
		if (answer.status >= 400) throw new Error(`${procedure} step ${at + 1}: ${answer.status} ${answer.text}`);
	}
	const sent = await client.postJson(`/applications/${id}/submit`, {});
	if (sent.status >= 400) throw new Error(`submit: ${sent.status} ${sent.text}`);
	return { id, receipt: sent.json.receipt_number };
}

// A sign: fee 1500 to 12000 yen each by its area, twice that when lit; above 10 000 yen the head decides,
// above 100 000 the division; more than 30 m² or a scenic zone asks two other departments first.
export function applyForSign(client, { area = 3, quantity = 1, lighting = false, zone = 'normal' } = {}) {
	const drawing = pdf();
	return applyFor(client, 'outdoor-advertisement', [
		{ applicant: { name: '街田商店', address, phone: '087-800-0001', email: 'shop@example.jp' } },
		{ place: { purpose: 'new', address, zone, from_date: '2026-12-01', to_date: '2027-11-30' } },
		{ signs: [{ kind: 'wall', area, height: 3, lighting: lighting ? 'yes' : 'no', quantity, text: 'うどん' }] },
		{ builder: { name: '看板工房', registration: '香川1' } },
		null,
		{ files: [['attachments.map', drawing], ['attachments.drawing', drawing]] },
	]);
}

export function applyForTaxCertificate(client, copies = 1, options = {}) {
	return applyFor(client, 'tax-certificate', [
		{ subject: { name: { family: '街田', given: '花' }, birthday: '1980-04-01', address, moved: 'yes' } },
		{ certificate: { kind: 'taxed', year: 2025, copies, use: 'loan' } },
		...options.files ? [{ files: options.files }] : [],
	], options);
}

// What the office enters with the decision on a tax certificate.
export const taxed = { 'findings.income': '2440000', 'findings.base': '1200000', 'findings.city_tax': '72000', 'findings.prefecture_tax': '48000' };

export function applyForCourse(client, course = 'cooking') {
	return applyFor(client, 'course-signup', [
		{ course: { course } },
		{ participant: { name: { family: '街田', given: '花' }, furigana: { family: 'マチダ', given: 'ハナ' }, belongs: 'lives', age_band: '40', email: 'hana@example.jp' } },
	]);
}
