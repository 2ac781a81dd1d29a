// Forms that keep what was typed: a draft while typing, a warning before leaving, one submission only.
const PAUSE = 3000; // ms without typing before a draft is saved

for (const form of document.querySelectorAll('form')) {
	let dirty = false, leaving = false, timer, saving;
	const status = form.querySelector('[data-draft-status]');

	function changed() {
		dirty = true;
		if (form.dataset.draft) {
			clearTimeout(timer);
			timer = setTimeout(save, PAUSE);
		}
	}

	// Files are kept by the real submission only.
	function send(accept) {
		const body = new URLSearchParams();
		for (const [name, value] of new FormData(form)) if (typeof value === 'string') body.append(name, value);
		body.append('draft', '1');
		return fetch(form.dataset.draft, { method: 'POST', body, headers: { accept } });
	}

	async function save() {
		if (saving || leaving || !dirty) return;
		saving = true;
		dirty = false;
		let text = status?.dataset.failed;
		try {
			const answer = await send('application/json');
			if (answer.ok && !answer.redirected) text = status?.dataset.saved.replace('%s', new Date().toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' }));
			else dirty = true;
		} catch {
			dirty = true;
		}
		saving = false;
		if (status && !leaving) status.textContent = text;
	}

	// Questions that depend on answers come and go as soon as something is chosen: the server makes the
	// page as always, and fields that are in it stay as they are here.
	let asked = 0;
	async function follow() {
		const turn = ++asked;
		try {
			const answer = await send('text/html');
			const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
			const fresh = page.getElementById(form.id);
			if (answer.ok && !answer.redirected && fresh && turn === asked && !leaving) merge(fresh);
		} catch { /* the next page asks */ }
	}
	function merge(fresh) {
		const here = new Map([...form.querySelectorAll('[data-field]')].map((field) => [field.dataset.field, field]));
		const there = [...fresh.querySelectorAll('[data-field]')];
		const names = new Set(there.map((field) => field.dataset.field));
		for (const [name, field] of here) if (!names.has(name)) field.remove();
		let more = false;
		for (const field of there) { // what stands before it is the same in both by now
			if (here.has(field.dataset.field)) continue;
			const group = field.parentElement;
			const home = group.id ? document.getElementById(group.id) : form.querySelector(`.m-section[aria-labelledby="${group.getAttribute('aria-labelledby')}"]`);
			if (!home) continue; // a section of its own comes with the next page
			home.insertBefore(field.cloneNode(true), home.children[[...group.children].indexOf(field)] ?? null);
			more = true;
		}
		const steps = document.querySelector('.m-steps'), now = fresh.ownerDocument.querySelector('.m-steps');
		if (steps && now) steps.replaceWith(now);
		if (status && more) status.textContent = status.dataset.more;
	}
	if (form.hasAttribute('data-live'))
		form.addEventListener('change', (event) => event.target.matches('[type=radio], [type=checkbox], select') && follow());

	if (form.matches('[data-draft], [data-guard]')) {
		form.addEventListener('input', changed);
		form.addEventListener('machi:changed', changed);
	}
	if (form.hasAttribute('data-guard'))
		addEventListener('beforeunload', (event) => {
			if (dirty && !leaving) event.preventDefault();
		});
	form.addEventListener('submit', (event) => {
		if (event.defaultPrevented) return;
		if (leaving && form.hasAttribute('data-once')) event.preventDefault();
		leaving = true;
		clearTimeout(timer);
		setTimeout(() => { leaving = false; }, 15000); // the person stopped the page, or the net did
	});
	// Back to a page that the browser kept: the form may be sent again.
	addEventListener('pageshow', () => { leaving = false; });
}
