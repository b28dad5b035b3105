// Postern's Email Worker: hands one message to the webhook, and tells the sender's server what came of it.
//
// Bindings, set by `postern cloudflare apply` or by hand (docs/cloudflare.md):
//   HOOK_URL  where the site takes mail: https://alias.example.org/hooks/inbound
//   SECRETS   secret: one or more whsec_… with blanks between; each signs, so that they can be changed without a gap
//   FALLBACK  optional: a verified destination address that gets the mail while the site cannot take it
//   BODY      optional: "multipart" where a web firewall lets nothing else through
//
// Three ends, and no fourth. The site's own 202 with a receipt: accepted. Its 422 with a reason: refused for good. Whatever else
// happens is thrown: Cloudflare then tells the sender's server to try again, which it does for days. Only words that this
// file or the site wrote reach the log; addresses and content never do.
//
// Up to HASHED_BYTES the message is read into memory and its SHA-256 signed. A larger one is streamed, past JavaScript, and
// its envelope has no hash: hashing 25 MiB takes more processor time than a free plan's 10 ms. TLS guards it, and its size is signed.
// The contract: docs/webhook.md. Nothing but the handler is exported: workerd would not start.

const HASHED_BYTES = 2 * 1024 * 1024;
const PATIENCE_MS = 20_000; // Cloudflare ends the whole at about 30 s
const PROBE_MS = 8_000;
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

class Later extends Error {}

export default {
  async email(message, env) {
    const sent = {
      mail_from: (message.from ?? "").replace(/^<>$/, ""),
      rcpt_to: message.to,
      size: message.rawSize,
    };
    if (env.FALLBACK) {
      // forward() works only while nobody has read the message, so the site is asked first whether it would take it.
      const refusal = await probe(env, sent).catch(later);
      if (refusal instanceof Later) {
        await message.forward(env.FALLBACK);
        return;
      }
      if (refusal) {
        await message.setReject(refusal);
        return;
      }
    }
    const refusal = await post(env, sent, message.raw);
    if (refusal) await message.setReject(refusal);
  },
};

function later(error) {
  return error instanceof Later ? error : new Later(String(error?.name));
}

/** Would the site take it? Nothing, or the words of its refusal; throws when it does not say. */
async function probe(env, sent) {
  const envelope = { v: 1, type: "mail.probe", ...sent, sha256: EMPTY_SHA256, source: "cloudflare" };
  return ask(env, envelope, "application/octet-stream", new ArrayBuffer(0), PROBE_MS);
}

/** Hand it over. Nothing, or the words of the refusal; throws when the site does not answer for it. */
async function post(env, sent, raw) {
  let source = raw;
  let sha256 = "";
  if (sent.size <= HASHED_BYTES) {
    source = await new Response(raw).arrayBuffer();
    sent = { ...sent, size: source.byteLength };
    sha256 = hex(await crypto.subtle.digest("SHA-256", source));
  }
  const envelope = { v: 1, type: "mail.inbound", ...sent, sha256, source: "cloudflare" };
  const { type, body } = frame(env.BODY, sent.size, source);
  return ask(env, envelope, type, body, PATIENCE_MS);
}

/** The body as it is sent, always with a known length: hosts cannot read a chunked one. */
function frame(form, size, source) {
  let [head, tail, type] = ["", "", "application/octet-stream"];
  if (form === "multipart") {
    const mark = `postern-${hex(crypto.getRandomValues(new Uint8Array(16)))}`;
    head =
      `--${mark}\r\nContent-Disposition: form-data; name="message"; filename="message.eml"\r\n` +
      "Content-Type: application/octet-stream\r\n\r\n";
    tail = `\r\n--${mark}--\r\n`;
    type = `multipart/form-data; boundary=${mark}`;
  } else if (source instanceof ArrayBuffer) {
    return { type, body: source };
  }
  const fixed = new FixedLengthStream(head.length + size + tail.length);
  pump(fixed.writable, head, source, tail); // beside the request: neither comes to its end without the other
  return { type, body: fixed.readable };
}

/** Never rejects. Where the message breaks off, so does the request, and that one says so. */
async function pump(writable, head, source, tail) {
  const write = async (data) => {
    const writer = writable.getWriter();
    await writer.write(data);
    writer.releaseLock();
  };
  try {
    if (head) await write(new TextEncoder().encode(head));
    if (source instanceof ArrayBuffer) await write(new Uint8Array(source));
    else await source.pipeTo(writable, { preventClose: true });
    if (tail) await write(new TextEncoder().encode(tail));
    await writable.close();
  } catch (error) {
    await writable.abort(error).catch(() => {});
  }
}

/** One signed request. Nothing when the site has it, its words when it refuses, else a throw. */
async function ask(env, envelope, type, body, patience) {
  let answer;
  try {
    answer = await fetch(env.HOOK_URL, {
      method: "POST",
      headers: { ...(await signed(env, envelope)), "content-type": type },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(patience),
    });
  } catch (error) {
    if (error instanceof Later) throw error;
    throw new Later(`postern: the site did not answer (${error?.name})`);
  }
  const receipt = answer.headers.get("postern-receipt");
  const reason = answer.headers.get("postern-reject");
  await answer.body?.cancel();
  if (answer.status === 202 && receipt) return "";
  if (answer.status === 422 && reason) return reason;
  throw new Later(`postern: the site answered ${answer.status}, to be tried again`);
}

async function signed(env, envelope) {
  const text = new TextEncoder().encode(JSON.stringify(envelope));
  const id = `in_${hex(crypto.getRandomValues(new Uint8Array(16)))}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const content = new Uint8Array([...new TextEncoder().encode(`${id}.${timestamp}.`), ...text]);
  const signatures = [];
  for (const secret of (env.SECRETS ?? "").split(/\s+/).filter(Boolean)) {
    if (!secret.startsWith("whsec_")) throw new Later("postern: SECRETS holds something else than whsec_…");
    const raw = Uint8Array.from(atob(secret.slice(6)), (letter) => letter.charCodeAt(0));
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    signatures.push(`v1,${base64(await crypto.subtle.sign("HMAC", key, content))}`);
  }
  if (!signatures.length) throw new Later("postern: SECRETS is empty");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
    "postern-envelope": base64(text),
  };
}

function base64(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

function hex(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
