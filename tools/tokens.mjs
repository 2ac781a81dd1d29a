// Copies the design tokens that assets/*.css use from the npm package into assets/machi.css, between
// its two marks. Run after `npm ci` when a token is added: node tools/tokens.mjs
import { readFileSync, writeFileSync, readdirSync } from 'node:fs';

const folder = 'node_modules/@digital-go-jp/design-tokens';
const all = new Map();
for (const [, name, value] of readFileSync(`${folder}/dist/tokens.css`, 'utf8').matchAll(/^\s*(--[\w-]+):\s*(.+);$/gm))
	all.set(name, value);

const begin = '/* tokens: begin */', end = '/* tokens: end */';
const file = 'assets/machi.css';
const css = readFileSync(file, 'utf8');
const [head, rest] = [css.slice(0, css.indexOf(begin)), css.slice(css.indexOf(end) + end.length)];
const used = new Set();
function use(text) {
	for (const [, name] of text.matchAll(/var\((--[\w-]+)/g))
		if (all.has(name) && !used.has(name)) {
			used.add(name);
			use(all.get(name));
		}
}
use(head + rest);
for (const name of readdirSync('assets'))
	if (name.endsWith('.css') && name !== 'machi.css') use(readFileSync(`assets/${name}`, 'utf8'));

const { version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
let block = `${begin}\n/* From @digital-go-jp/design-tokens ${version}, MIT, Copyright (c) 2023 デジタル庁; see design-tokens-license.txt; by tools/tokens.mjs */\n:root {\n`;
for (const [name, value] of all) if (used.has(name)) block += `\t${name}: ${value};\n`;
writeFileSync(file, `${head}${block}}\n${end}${rest}`);
console.log(`${used.size} tokens`);
