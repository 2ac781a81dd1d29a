// Fills in an address from its postal code. Groups may appear later, so events are taken at the top.
const digits = (text) => text.normalize('NFKC').replace(/\D/g, '');

async function find(group, asked) {
	const code = group.querySelector('[data-postal-code]');
	const status = group.querySelector('[role=status]');
	const part = (name) => document.getElementById(code.name.replace(/postal_code$/, name));
	const wanted = digits(code.value);
	let found = [];
	if (wanted.length === 7) {
		const answer = await fetch(`/api/postal/${wanted}`, { headers: { accept: 'application/json' } });
		if (answer.ok) found = (await answer.json()).addresses ?? [];
	}
	if (digits(code.value) !== wanted) return; // typed on meanwhile
	if (!found.length) {
		if (asked || wanted.length === 7) status.textContent = status.dataset.none;
		return;
	}
	const one = found[0], town = part('town');
	part('prefecture').value = one.prefecture;
	part('city').value = one.city;
	if (found.length === 1) {
		town.value = one.town;
		status.textContent = status.dataset.found;
		if (asked) part('street').focus();
	} else {
		const list = document.createElement('datalist');
		list.id = `${town.id}-list`;
		list.append(...found.map(({ town: name }) => Object.assign(document.createElement('option'), { value: name })));
		document.getElementById(list.id)?.remove();
		town.after(list);
		town.setAttribute('list', list.id);
		status.textContent = status.dataset.many.replace('%s', found.length);
		if (asked) town.focus();
	}
	code.form.dispatchEvent(new Event('machi:changed'));
}

document.addEventListener('click', (event) => {
	const button = event.target.closest('[data-postal] button[name=lookup]');
	if (!button) return;
	event.preventDefault();
	find(button.closest('[data-postal]'), true);
});
document.addEventListener('input', (event) => {
	const group = event.target.matches('[data-postal-code]') && event.target.closest('[data-postal]');
	if (!group || digits(event.target.value).length !== 7) return;
	const town = document.getElementById(event.target.name.replace(/postal_code$/, 'town'));
	if (!town.value) find(group, false);
});
