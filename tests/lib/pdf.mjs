// What a PDF says, without white space and with wide signs folded.
import { execFileSync } from 'node:child_process';

export function pdfText(bytes) {
	return execFileSync('pdftotext', ['-layout', '-', '-'], { input: bytes, encoding: 'utf8' }).normalize('NFKC').replace(/\s/g, '');
}
