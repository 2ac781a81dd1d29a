// Passkeys: asks the server for a challenge, the device for an answer, and sends the page's own form.
// Without this script the form says so, and there are other ways.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer ?? []))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

async function options(form) {
	const body = new URLSearchParams();
	for (const name of ['csrf', 'password']) if (form.elements[name]) body.append(name, form.elements[name].value);
	const answer = await fetch(form.dataset.options, { method: 'POST', body, headers: { accept: 'application/json', 'accept-language': document.documentElement.lang } });
	const said = await answer.json();
	if (!answer.ok) throw new Error(said.errors?.[0]?.detail ?? said.detail);
	const asked = said.publicKey;
	asked.challenge = bytes(asked.challenge);
	if (asked.user) asked.user.id = bytes(asked.user.id);
	for (const list of [asked.allowCredentials, asked.excludeCredentials]) for (const one of list ?? []) one.id = bytes(one.id);
	return asked;
}

async function answer(form) {
	const kind = form.dataset.passkey, asked = await options(form);
	const { rawId, response } = await navigator.credentials[kind]({ publicKey: asked });
	const given = { id: rawId, client_data: response.clientDataJSON, signature: response.signature, user_handle: response.userHandle,
		authenticator_data: kind === 'create' ? response.getAuthenticatorData() : response.authenticatorData };
	for (const [name, value] of Object.entries(given)) if (form.elements[name]) form.elements[name].value = text(value);
}

for (const form of document.querySelectorAll('form[data-passkey]')) {
	const status = form.querySelector('[data-status]'), words = status.dataset;
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		status.textContent = '';
		const button = form.querySelector('button');
		button.disabled = true;
		try {
			if (!window.PublicKeyCredential) throw new Error(words.none);
			await answer(form);
			form.submit();
		} catch (error) {
			button.disabled = false;
			status.textContent = { NotAllowedError: words.cancelled, AbortError: words.cancelled, InvalidStateError: words.taken }[error.name]
				?? (error.name === 'Error' ? error.message : words.failed);
			button.focus();
		}
	});
}
