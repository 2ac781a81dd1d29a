// Makes pages nicer where a script can run; every page works without. Loads only what a page asks for.
const version = new URL(import.meta.url).search;

const parts = {
	'./form.js': 'form[data-draft], form[data-guard], form[data-once]',
	'./rows.js': '[data-rows]',
	'./postal.js': '[data-postal], [data-rows], [data-live]',
	'./keys.js': 'table[data-keys]',
	'./dialog.js': '[data-dialog]',
	'./passkey.js': '[data-passkey]',
};
for (const [file, selector] of Object.entries(parts))
	if (document.querySelector(selector)) import(file + version);

// The error summary is read first, and its links lead into the field, not to its frame.
document.getElementById('problems')?.focus();
document.addEventListener('click', (event) => {
	const link = event.target.closest('.m-summary a[href^="#"], .m-list a[href*="#"]');
	const target = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
	if (target) {
		event.preventDefault();
		focusInto(target);
	}
});
if (location.hash.length > 1) {
	const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
	if (target?.matches('fieldset')) focusInto(target);
}

function focusInto(target) {
	const control = target.matches('fieldset') && (target.querySelector('[aria-invalid]') ?? target.querySelector('input, select, textarea'));
	(control || target).focus();
	target.scrollIntoView({ block: control ? 'nearest' : 'start' });
}

// The menu of the signed-in user closes as menus do.
const user = document.querySelector('.m-user');
if (user) {
	document.addEventListener('click', (event) => user.contains(event.target) || user.removeAttribute('open'));
	user.addEventListener('keydown', (event) => {
		if (event.key !== 'Escape') return;
		user.removeAttribute('open');
		user.querySelector('summary').focus();
	});
}
