// Several cities in one process, each with its own store and folder, found by host name; and what one of them
// brings itself: templates, texts, styles. A mistake of one is told with file and line, and is nobody else's.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { City, machi, newDatabase, storeKind, until } from '../lib/city.mjs';
import { pdfText } from '../lib/pdf.mjs';

const dir = mkdtempSync(join(tmpdir(), 'machi-cities-'));
const { MACHI_STORE, ...env } = process.env; // it would be the store of both
const cities = Object.assign(new City(), { dir, env, settings: [] });
for (const [id, name] of [['east', '東市'], ['west', '西市']])
	cities.cli('init', '--city', id, '--name', name, '--name-en', id, '--host', `${id}.example`, '--store', storeKind === 'postgres' ? newDatabase() : 'sqlite:store.db');
await cities.serve();
test.after(() => {
	cities.process.kill('SIGKILL');
	rmSync(dir, { recursive: true });
});

// fetch() does not let us choose the Host.
const ask = (host, path) => new Promise((done, fail) => {
	const call = request({ port: cities.port, host: '127.0.0.1', path, headers: { host } }, (answer) => {
		const parts = [];
		answer.on('data', (part) => parts.push(part));
		answer.on('end', () => {
			const bytes = Buffer.concat(parts), text = bytes.toString();
			done({ status: answer.statusCode, bytes, text, json: () => JSON.parse(text) });
		});
	});
	call.on('error', fail);
	call.end();
});
const own = (city, path, text) => {
	const file = join(dir, city, 'custom', path);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, text);
};
const check = (city) => spawnSync(machi, ['check', '--data', dir, '--city', city], { env, encoding: 'utf8' });
// The lines that the log gets from fn on, until one matches.
async function logged(fn, line) {
	const before = cities.log().length;
	await fn();
	return until(() => cities.log().slice(before).split('\n').find((l) => line.test(l)), `${line} in the log`);
}
const reload = (line) => logged(() => cities.process.kill('SIGHUP'), line);

test('each is found by its name, and no name is shown another city', async () => {
	assert.match((await ask('east.example', '/')).text, /東市/);
	assert.match((await ask('WEST.example:8080', '/')).text, /西市/);
	assert.equal((await ask('north.example', '/')).status, 421);
	assert.equal((await ask('127.0.0.1', '/')).status, 421);
});

test('whoever watches the process asks it by its address', async () => {
	assert.deepEqual((await ask('127.0.0.1', '/healthz')).json(), { status: 'ok', cities: { east: 'ok', west: 'ok' } });
	const { text } = await ask('127.0.0.1', '/metrics');
	assert.match(text, /^machi_city_up\{city="east"\} 1\nmachi_city_up\{city="west"\} 1$/m);
	assert.match(text, /^process_resident_memory_bytes \d{7,}$/m);
	// The text format of Prometheus: each family has its help and type once, and then its samples.
	const families = new Set();
	let family;
	for (const line of text.trimEnd().split('\n')) {
		const [, kind, name] = line.match(/^# (HELP|TYPE) ([a-z_]+) \S/) ?? [];
		if (kind === 'HELP') {
			assert.ok(!families.has(name), `${name} twice`);
			families.add(family = name);
		} else if (kind === 'TYPE') {
			assert.equal(name, family);
			assert.match(line, / (counter|gauge|histogram)$/);
		} else {
			assert.match(line, /^[a-z_]+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? \d+(\.\d+)?$/);
			assert.equal(line.match(/^[a-z_]+/)[0].replace(/_(bucket|sum|count)$/, ''), family.replace(/_(sum|count)$/, ''));
		}
	}
});

test('a city\'s own template, text and style are its own only', async () => {
	own('east', 'templates/web/footer.html', '<footer>東の足もと</footer>\n');
	own('east', 'i18n/own.ja.po', 'msgid "procedure.front.title"\nmsgstr "東へようこそ"\n');
	own('east', 'assets/machi.css', 'body { color: #123456 }\n');
	assert.equal(check('east').status, 0, check('east').stdout);
	await reload(/city\.reload.*west/);
	const east = (await ask('east.example', '/')).text, west = (await ask('west.example', '/')).text;
	assert.match(east, /東の足もと/);
	assert.match(east, /東へようこそ/);
	assert.doesNotMatch(west, /東の足もと|東へようこそ/);
	const style = (page) => page.match(/\/assets\/machi\.css\?v=\w+/)[0];
	assert.match((await ask('east.example', style(east))).text, /#123456/);
	assert.doesNotMatch((await ask('west.example', style(west))).text, /#123456/);
	assert.notEqual(style(east), style(west));
});

test('a layout of its own counts from the reload on, like the rest', async () => {
	const layout = (word) => `blocks:\n  - {type: text, text: ${word}}\n`;
	const said = async () => pdfText((await ask('east.example', '/procedures/dog-registration/paper.pdf')).bytes);
	const before = await said();
	own('east', 'templates/document/pdf/paper.yaml', layout('東の様式'));
	assert.equal(await said(), before);
	await reload(/city\.reload.*west/);
	assert.match(await said(), /東の様式/);
	own('east', 'templates/document/pdf/paper.yaml', layout('東の様式\n  - {type: tekst'));
	await reload(/city\.reload.*west/);
	assert.match(await said(), /東の様式/);
	rmSync(join(dir, 'east', 'custom', 'templates', 'document'), { recursive: true });
});

test('what is wrong in them is told by machi check and on reload, and the old ones stay', async () => {
	const mistakes = [
		['templates/web/footer.html', '<footer>\n{{#city}}\n</footer>\n', /^custom\/templates\/web\/footer\.html:2: is not closed: city$/m],
		['templates/web/footer.html', '\n{{> web/nothing}}\n', /^custom\/templates\/web\/footer\.html:2: .*web\/nothing$/m],
		['templates/web/footer.html', '{{t.web.nothing}}\n', /^custom\/templates\/web\/footer\.html:1: .*t\.web\.nothing$/m],
		['i18n/own.ja.po', 'msgid "a"\nmsgstr "no end\n', /^custom\/i18n\/own\.ja\.po:2: /m],
		['i18n/own.po', '', /^custom\/i18n\/own\.po: a catalogue's name ends with \.ja\.po or \.en\.po$/m],
		['templates/document/pdf/certificate.yaml', 'page:\n  - [\n', /^custom\/templates\/document\/pdf\/certificate\.yaml:\d: /m],
		['templates/document/pdf/certificate.yaml', 'blocks:\n  - {type: text, text: x}\n  - {type: tekst, text: x}\n',
			/^custom\/templates\/document\/pdf\/certificate\.yaml:3: there is no block type tekst$/m],
		['packs/own/procedures/bike.yaml', 'id: bike\n', /packs\/own\/procedures\/bike\.yaml:1:1: the procedure has no `title`/],
	];
	for (const [path, text, told] of mistakes) {
		rmSync(join(dir, 'east', 'custom'), { recursive: true });
		own('east', path, text);
		const { status, stdout } = check('east');
		assert.equal(status, 3, path);
		assert.match(stdout, told);
		assert.match(await reload(/city\.reload.*east/), /"level":"error".*stays in use/);
		// Also on pages that nobody asked for before. Texts and definitions are kept each by itself.
		for (const page of ['/', '/procedures', '/verify', '/login'])
			assert.equal(/東の足もと/.test((await ask('east.example', page)).text), !path.startsWith('packs/'), `${path}: ${page}`);
	}
});

test('a city that cannot be opened is not served; its neighbour is', async () => {
	rmSync(join(dir, 'east', 'custom'), { recursive: true });
	own('east', 'i18n/own.ja.po', 'msgid "a"\nmsgstr "no end\n');
	await cities.kill();
	await cities.serve({ ill: true });
	assert.match(cities.log(), /"event":"city\.unserved".*custom\/i18n\/own\.ja\.po:2/);
	assert.equal((await ask('west.example', '/')).status, 200);
	assert.equal((await ask('east.example', '/')).status, 503);
	assert.equal((await ask('north.example', '/')).status, 421);
	const health = await ask('127.0.0.1', '/healthz');
	assert.equal(health.status, 503);
	assert.deepEqual(health.json().cities, { east: 'unavailable', west: 'ok' });
	assert.match((await ask('127.0.0.1', '/metrics')).text, /^machi_city_up\{city="east"\} 0\nmachi_city_up\{city="west"\} 1$/m);
	assert.match(await reload(/city\.reload.*east/), /not served; restart/);
	await cities.kill();
});

test('when none can be opened the server does not start', () => {
	own('west', 'i18n/own.ja.po', 'msgid "a"\nmsgstr "no end\n');
	const { status, stderr } = spawnSync(machi, ['serve', '--data', dir, '--port', '0'], { env, encoding: 'utf8' });
	assert.equal(status, 1);
	assert.match(stderr, /machi serve: .*custom\/i18n\/own\.ja\.po:2/);
});
