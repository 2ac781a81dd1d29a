// Lists of staff by keyboard, while the focus is in the table (WCAG 2.1.4): j, k and arrows move, Enter
// opens, x ticks.
for (const table of document.querySelectorAll('table[data-keys]')) {
	const rows = [...table.tBodies[0].rows];
	const at = () => rows.findIndex((row) => row.contains(document.activeElement));
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
