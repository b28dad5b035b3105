// Passkeys. A form that uses one is hidden until this script finds that the browser can do so, and everything has another way.
//
//   <form method="post" action="…" data-passkey="get" data-options="{…}" hidden>
//     <input type="hidden" name="answer">
//     <button class="button" type="submit">Sign in with a passkey</button>
//     <p class="wrong" role="alert"></p>
//   </form>
//
// data-passkey: "create" or "get". data-options: PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON.
// Sending the form asks the browser first, and then sends its answer along as JSON. With data-autofill="on", the browser also
// offers passkeys in the field of the page whose autocomplete ends with "webauthn".
// data-passkey-too, on anything else: shown with the forms; data-passkey-not: hidden with them.
"use strict";

{
  const WORDS = {
    ConstraintError: "This device cannot check who you are. Use one with a PIN, a fingerprint or a face.",
    InvalidStateError: "There is a passkey for this account on this device already.",
    NotAllowedError: "No passkey was used: that was cancelled, or took too long. Try again.",
    NotSupportedError: "This device cannot make a passkey for this site. Use another one.",
    SecurityError: "Passkeys do not work at this address. Open the site by its own name.",
  };
  const OTHERWISE = "The passkey could not be used. Try again, or use another one.";
  const BYTES = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  let waiting = null; // the AbortController of what the browser is asked now: it takes one question at a time

  function fromText(text) {
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  }

  function toText(bytes) {
    const letters = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
    return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  }

  // Browsers have words of their own for this and the next one, but not all of them, and not for passkeys of extensions.
  function question(form) {
    const options = JSON.parse(form.dataset.options);
    options.challenge = fromText(options.challenge);
    if (options.user) options.user.id = fromText(options.user.id);
    for (const one of options.excludeCredentials ?? []) one.id = fromText(one.id);
    return options;
  }

  function answer(credential) {
    const response = { transports: credential.response.getTransports?.() ?? [] };
    for (const name of BYTES) {
      if (credential.response[name]) response[name] = toText(credential.response[name]);
    }
    return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
  }

  // Sends the form with what the browser answers.
  async function ask(form, more) {
    waiting?.abort();
    const mine = (waiting = new AbortController());
    try {
      const asked = { publicKey: question(form), signal: mine.signal, ...more };
      const credential = await navigator.credentials[form.dataset.passkey](asked);
      form.elements.answer.value = JSON.stringify(answer(credential));
      form.submit();
    } finally {
      if (waiting === mine) waiting = null;
    }
  }

  // Passkeys among what the browser fills in. Nobody asked for that, so it fails without a word.
  async function offer(form) {
    if (form.dataset.autofill !== "on") return;
    try {
      const able = await PublicKeyCredential.isConditionalMediationAvailable?.();
      if (able && !waiting) await ask(form, { mediation: "conditional" });
    } catch {
      return;
    }
  }

  async function press(form) {
    const alert = form.querySelector("[role=alert]");
    alert.textContent = "";
    try {
      await ask(form, {});
    } catch (error) {
      if (error.name === "AbortError") return; // pressed again
      alert.textContent = WORDS[error.name] ?? OTHERWISE;
      offer(form);
    }
  }

  if (window.PublicKeyCredential) {
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      form.hidden = false;
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        press(form);
      });
      offer(form);
    }
    for (const one of document.querySelectorAll("[data-passkey-too]")) one.hidden = false;
    for (const one of document.querySelectorAll("[data-passkey-not]")) one.hidden = true;
  }
}
