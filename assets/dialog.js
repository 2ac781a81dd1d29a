// Asks before something that cannot be undone. Without this script the button goes straight to a page
// that asks.
document.addEventListener('click', (event) => {
	const opener = event.target.closest('[data-dialog]');
	const dialog = opener && document.getElementById(opener.dataset.dialog);
	if (dialog?.showModal) {
		event.preventDefault();
		dialog.showModal();
	}
	if (event.target.closest('[data-close]')) event.target.closest('dialog').close();
	if (event.target.matches('dialog[open]')) event.target.close(); // the ground beside it
});
