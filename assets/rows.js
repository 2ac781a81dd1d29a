// Adds and removes rows of a repeating group without a new page: the server makes the page as always,
// and only the group is taken out of it. Whatever is unexpected becomes the ordinary submission.
document.addEventListener('click', async (event) => {
	const button = event.target.closest('[data-rows] button[name]');
	const group = button?.closest('[data-rows]');
	if (!button || !/\.(add|remove)$/.test(button.name) || button.closest('.m-files') || button.dataset.plain) return;
	event.preventDefault();
	const form = button.form;
	const sent = new FormData(form, button);
	const files = [...sent.values()].some((value) => value instanceof File && value.size);
	const plain = () => {
		button.dataset.plain = '1';
		form.requestSubmit(button);
	};
	if (files) return plain(); // uploads are for the real submission
	group.setAttribute('aria-busy', 'true');
	try {
		const multipart = form.enctype === 'multipart/form-data';
		const answer = await fetch(form.action, { method: 'POST', body: multipart ? sent : new URLSearchParams(sent), headers: { accept: 'text/html' } });
		const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
		const fresh = page.querySelector(`[data-rows="${CSS.escape(group.dataset.rows)}"]`);
		if (!fresh) return plain();
		const before = group.querySelectorAll('fieldset.m-row').length;
		group.replaceWith(fresh);
		const rows = fresh.querySelectorAll('fieldset.m-row');
		const next = rows.length > before ? rows[rows.length - 1].querySelector('input, select, textarea') : fresh.querySelector(`button[name$=".add"]`) ?? rows[rows.length - 1]?.querySelector('input');
		next?.focus();
		form.dispatchEvent(new Event('machi:changed'));
	} catch {
		plain();
	}
});
