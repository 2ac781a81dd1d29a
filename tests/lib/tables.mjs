// What people take away, read as spreadsheets read it.
import { execFileSync } from 'node:child_process';

// The rows of a CSV as objects by their headings.
export function readCsv(text) {
	const rows = [[]];
	for (const [, quoted, plain, end] of text.replace(/^\ufeff/, '').matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
		rows.at(-1).push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain);
		if (end !== ',') rows.push([]);
	}
	const [heads, ...body] = rows.slice(0, -1);
	return body.map((cells) => Object.fromEntries(cells.map((cell, i) => [heads[i], cell])));
}

const reader = `
import io, json, sys, openpyxl
sheet = openpyxl.load_workbook(io.BytesIO(sys.stdin.buffer.read())).active
print(json.dumps([[{"value": None if c.value is None else c.value if c.data_type != "d" else c.value.isoformat(), "kind": c.data_type} for c in row] for row in sheet.iter_rows()]))`;

// The rows of a workbook's first sheet: [{value, kind}], kind "s" text, "n" number or empty, "d" date.
export function readXlsx(answer) {
	return JSON.parse(execFileSync('/usr/bin/python3', ['-c', reader], { input: answer.bytes, encoding: 'utf8' }));
}
