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
	function fields() {
		const body = new URLSearchParams();
		for (const [name, value] of new FormData(form)) if (typeof value === 'string') body.append(name, value);
		body.append('draft', '1');
		return body;
	}

	async function save() {
		if (saving || leaving || !dirty) return;
		saving = true;
		dirty = false;
		let text = status?.dataset.failed;
		try {
			const answer = await fetch(form.dataset.draft, { method: 'POST', body: fields(), headers: { accept: 'application/json' } });
			if (answer.ok && !answer.redirected) text = status?.dataset.saved.replace('%s', new Date().toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' }));
			else dirty = true;
		} catch {
			dirty = true;
		}
		saving = false;
		if (status && !leaving) status.textContent = text;
	}

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
