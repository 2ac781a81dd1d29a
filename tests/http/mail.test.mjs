// The connection to the mail server: a password goes only over TLS that was checked, and what hinders a mail stands
// in the outbox until it is mended.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { City, until } from '../lib/city.mjs';
import { Mailbox, certificate } from '../lib/mailbox.mjs';

const user = 'city:himitsu-2026';
let city, own, other, number = 0;
before(async () => {
	city = await City.start();
	own = certificate('mail.localhost');
	other = certificate('mail.localhost');
});
after(() => {
	own.remove();
	other.remove();
	return city.stop();
});

// Serves again with these settings of the mail server, and gives the operator's client.
async function serve(settings) {
	await city.kill();
	city.settings = Object.entries({ from: 'city@city.example.jp', ...settings }).flatMap(([name, value]) => [`--smtp-${name}`, value]);
	await city.serve();
	return city.client().login('operator');
}

// Somebody registers and is sent a mail; gives the outbox's newest row once it says how that went.
async function send(operator, to) {
	const newest = async () => (await operator.json('/staff/outbox')).json.notices[0];
	const before = (await newest())?.id ?? 0;
	await city.client().post('/register', { 'name.family': '香川', 'name.given': '花子', mail: to, password: 'udon to olive no shima' }, { follow: false });
	return until(async () => {
		const notice = await newest();
		return notice?.id > before && notice.tries > 0 && notice;
	}, 'a try to send');
}

const [name, password] = user.split(':');
const right = { user: name, password };
const cases = [
	{ what: 'STARTTLS and a password', box: {}, host: 'mail.localhost', settings: () => ({ ...right, ca: own.file }) },
	{ what: 'TLS from the start and a password', box: { implicit: true }, host: 'mail.localhost', settings: () => ({ ...right, ca: own.file }) },
	{ what: 'no password: an unknown certificate is better than none', box: { user: null }, host: 'mail.localhost', settings: () => ({}) },
	{ what: 'a wrong password', box: {}, host: 'mail.localhost', settings: () => ({ ...right, password: 'himitsu', ca: own.file }), error: /denied.*535/i },
	{ what: 'an unknown certificate, STARTTLS', box: {}, host: 'mail.localhost', settings: () => right, error: /certificate/i },
	{ what: 'an unknown certificate, TLS', box: { implicit: true }, host: 'mail.localhost', settings: () => right, error: /certificate/i },
	{ what: 'the certificate of somebody else', box: {}, host: 'mail.localhost', settings: () => ({ ...right, ca: other.file }), error: /certificate/i },
	{ what: 'the certificate of another host', box: {}, host: 'relay.localhost', settings: () => ({ ...right, ca: own.file }), error: /subject name/i },
	{ what: 'no STARTTLS, with a password', box: { tls: null, user: null }, host: 'mail.localhost', settings: () => right, error: /STARTTLS/ },
	{ what: 'no STARTTLS, with a certificate to expect', box: { tls: null, user: null }, host: '127.0.0.1', settings: () => ({ ca: own.file }), error: /STARTTLS/ },
	{ what: 'a name that only begins like this machine', box: { tls: null, user: null }, host: 'localhost.localhost', settings: () => right, error: /STARTTLS/ },
	{ what: 'a file of certificates that is not there', box: {}, host: 'mail.localhost', settings: () => ({ ...right, ca: '/nowhere/ca.pem' }), error: /certificate|CA|ca\.pem/ },
];

for (const { what, box: options, host, settings, error } of cases) {
	test(what, async () => {
		const box = await Mailbox.open({ tls: own, user, ...options }), to = `hana${++number}@example.jp`;
		try {
			const url = `${options.implicit ? 'smtps' : 'smtp'}://${host}:${box.port}`;
			const operator = await serve({ url, ...settings() });
			const notice = await send(operator, to);
			const secret = Buffer.from(`\0${name}\0${password}`).toString('base64');
			assert.ok(!box.lines.some(({ line, secure }) => !secure && (/^AUTH/i.test(line) || line.includes(secret))), 'a password in clear');
			if (!error) {
				assert.equal(notice.state, 'sent', notice.error);
				const mail = await box.take(to);
				assert.equal(mail.secure, true);
				return;
			}
			assert.equal(notice.state, 'failed', notice.error);
			assert.match(notice.error, error);
			assert.ok(!box.lines.some(({ line }) => /^(MAIL|RCPT|DATA)/i.test(line)), 'it began to send');
			assert.deepEqual(box.mails, []);
			// It waits to be tried again, and goes out when the settings are right.
			const waiting = async () => (await operator.json('/staff/jobs?state=waiting')).json.jobs;
			await until(async () => (await waiting()).some((job) => job.kind === 'mail.send'), 'waiting for another try');
			const good = await Mailbox.open({ tls: own, user });
			try {
				const again = await serve({ url: `smtp://mail.localhost:${good.port}`, ...right, ca: own.file });
				await again.submit(await again.get(`/staff/outbox/${notice.id}`), '/send');
				assert.ok((await good.take(to)).secure);
			} finally {
				good.close();
			}
		} finally {
			box.close();
		}
	});
}
