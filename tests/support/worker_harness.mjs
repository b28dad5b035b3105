// What Cloudflare puts around an Email Worker, as far as postern's needs it: a POST with the message becomes one call of email(), and
// its end an answer in JSON. `x-env` holds the bindings, `x-from`, `x-to` and `x-size` the envelope, all in JSON; `x-hurry` divides
// waits. The message comes chunked: as in production its stream does not know its length, and can be read once.

import worker from "worker.js";

const timeout = AbortSignal.timeout.bind(AbortSignal);
let hurry = 1;
AbortSignal.timeout = (ms) => timeout(ms / hurry);

export default {
  async fetch(request) {
    const read = (name) => JSON.parse(request.headers.get(name) ?? "null");
    hurry = read("x-hurry") ?? 1;
    const said = { outcome: "accepted", reason: "", forwarded: "" };
    const raw = request.body;
    const message = {
      from: read("x-from"),
      to: read("x-to"),
      headers: new Headers(),
      raw,
      rawSize: read("x-size"),
      setReject(reason) {
        said.outcome = "refused";
        said.reason = reason;
      },
      async forward(address) {
        if (raw.locked) throw new Error("forward() after the message was read");
        said.forwarded = address;
      },
    };
    try {
      await worker.email(message, read("x-env"), {});
    } catch (error) {
      Object.assign(said, { outcome: "later", reason: error.message });
    }
    return Response.json(said);
  },
};
