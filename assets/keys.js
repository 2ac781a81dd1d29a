// Lists of staff by keyboard, while the focus is in the table (WCAG 2.1.4): j, k and arrows move, Enter
// opens, x ticks; the first heading ticks all.
for (const table of document.querySelectorAll('table[data-keys]')) {
	const rows = [...table.tBodies[0].rows];
	const at = () => rows.findIndex((row) => row.contains(document.activeElement));
	const all = table.querySelector('th[data-all]');
	if (all) {
		const boxes = rows.map((row) => row.querySelector('input[type=checkbox]')).filter(Boolean);
		const box = Object.assign(document.createElement('input'), { type: 'checkbox' });
		box.setAttribute('aria-label', all.dataset.all);
		box.addEventListener('change', () => boxes.forEach((one) => { one.checked = box.checked; }));
		table.addEventListener('change', () => { box.checked = boxes.every((one) => one.checked); });
		all.replaceChildren(box);
	}
	table.addEventListener('focusin', () => {
		for (const row of rows) row.classList.toggle('is-at', row.contains(document.activeElement));
	});
	table.addEventListener('focusout', () => rows.forEach((row) => row.classList.remove('is-at')));
	table.addEventListener('keydown', (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches('input:not([type=checkbox]), select, textarea')) return;
		const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
		const box = rows[at()]?.querySelector('input[type=checkbox]');
		if (step) rows[Math.min(Math.max(at() + step, 0), rows.length - 1)]?.querySelector('a')?.focus();
		else if (event.key === 'x' && box) box.click();
		else return;
		event.preventDefault();
	});
}
