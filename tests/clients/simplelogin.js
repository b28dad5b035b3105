// Drives the public client `simplelogin-client` through all that it can do: node simplelogin.js PACKAGE < settings
// The settings are a JSON object: url, key, handle, password, domain. What each call gave is printed as one JSON object.
"use strict";

const { SimpleLoginClient } = require(process.argv[2]);
const settings = JSON.parse(require("fs").readFileSync(0));
const told = {};

/** What a call gives, or the status and body of its refusal. */
const tell = async (name, call) => {
  try {
    told[name] = await call();
  } catch (error) {
    if (error.response === undefined) {
      told[name] = { fault: `${error.name}: ${error.message}` };
    } else {
      told[name] = { status: error.response.status, body: await error.response.json() };
    }
  }
  return told[name];
};

const signIn = async () => {
  const stranger = new SimpleLoginClient({ url: settings.url });
  const login = (password) => stranger.account.login({ authLoginPost: { email: settings.handle, password, device: "node" } });
  await tell("login wrong", () => login("x"));
  await tell("login", () => login(settings.password));
  await tell("mfa", () => stranger.account.mfa({ authMfaPost: { mfaToken: "1", mfaKey: "x", device: "node" } }));
  await tell("register", () => stranger.account.registerAccount({ authRegisterPost: { email: "a@b.example", password: "x" } }));
  await tell("forgot", () => stranger.account.forgotPassword({ authForgotPasswordPost: { email: "a@b.example" } }));
  await tell("health", () => stranger.misc.health());
  const wrong = new SimpleLoginClient({ url: settings.url, apiKey: "x" });
  await tell("no key", () => wrong.account.getUserInfo());
};

const aliases = async (client) => {
  const options = await tell("options", () => client.alias.getAliasOptions({ hostname: "www.shop.test" }));
  const boxes = await tell("mailboxes", () => client.mailbox.getMailboxes());
  const custom = {
    aliasPrefix: "node",
    signedSuffix: options.suffixes[0].signedSuffix,
    mailboxIds: [boxes.mailboxes[0].id],
    note: "für Bücher",
    name: "Jane",
  };
  const made = await tell("custom", () => client.alias.createCustomAlias({ aliasCustomNewPost: custom, hostname: "shop.test" }));
  await tell("taken", () => client.alias.createCustomAlias({ aliasCustomNewPost: custom }));
  await tell("random", () => client.alias.createRandomAlias({ aliasRandomNewPost: { note: "n" }, hostname: "shop.test", mode: "uuid" }));
  await tell("list", () => client.alias.getAliases({ pageId: 0 }));
  await tell("past the end", () => client.alias.getAliases({ pageId: 1 }));
  await tell("search", () => client.alias.searchAliases({ pageId: 0, aliasSearchPost: { query: "node" } }));
  const aliasId = made.id;
  await tell("update", () => client.alias.updateAlias({ aliasId, aliasAliasIdPatch: { note: "x", pinned: true } }));
  await tell("toggle", () => client.alias.toggleAlias({ aliasId }));
  const contact = await tell("contact", () =>
    client.alias.createContact({ aliasId, aliasAliasIdContactsPost: { contact: "Bob <bob@shop.test>" } }),
  );
  await tell("contacts", () => client.alias.getContacts({ aliasId, pageId: 0 }));
  await tell("block", () => client.alias.toggleContactBlocking({ contactId: contact.id }));
  await tell("contact gone", () => client.alias.deleteContact({ contactId: contact.id }));
  await tell("activities", () => client.alias.getActivities({ aliasId, pageId: 0 }));
  await tell("one", () => client.alias.getAlias({ aliasId }));
  await tell("gone", () => client.alias.deleteAlias({ aliasId }));
  await tell("not there", () => client.alias.getAlias({ aliasId }));
};

const possessions = async (client) => {
  const box = await tell("mailbox", () => client.mailbox.createMailbox({ mailboxPost: { email: "new@real.example" } }));
  await tell("mailbox default", () => client.mailbox.updateMailbox({ mailboxId: box.id, mailboxMailboxIdPut: { _default: true } }));
  await tell("mailbox gone", () => client.mailbox.deleteMailbox({ mailboxId: box.id }));
  await tell("settings", () => client.settings.getUserSettings());
  await tell("settings changed", () => client.settings.updateUserSettings({ settingPatch: { aliasGenerator: "uuid" } }));
  await tell("settings refused", () => client.settings.updateUserSettings({ settingPatch: { senderFormat: "A" } }));
  await tell("domains", () => client.settings.getAvailableDomainsForRandomAliases());
  // Its reader takes the list for one domain; the answer itself is what the real server sends.
  const own = await tell("own domains", async () => (await client.customDomain.getCustomDomainsRaw({ aliasId: 0 })).raw.json());
  const customDomainId = own.custom_domains[0].id;
  await tell("own domain", async () =>
    (
      await client.customDomain.updateCustomDomainRaw({ customDomainId, customDomainCustomDomainIdPatch: { catchAll: true } })
    ).raw.json(),
  );
  await tell("trash", () => client.customDomain.getDeletedAliases({ customDomainId }));
  await tell("csv", async () => (await client.export.exportAliasesAsCsv()).text());
  await tell("data", async () => (await client.export.exportUserDataRaw()).raw.json());
};

const account = async (client) => {
  await tell("user", () => client.account.getUserInfo());
  await tell("user changed", () => client.account.updateUserInfo({ userInfoPatch: { profilePicture: "aGk=" } }));
  await tell("stats", () => client.account.getStats());
  await tell("cookie", () => client.account.getCookieToken());
  await tell("early", () => client.account.createApiKey({ apiKeyPost: { device: "node" } }));
  await tell("sudo wrong", () => client.account.enableSudoMode({ sudoPatch: { password: "x" } }));
  await tell("sudo", () => client.account.enableSudoMode({ sudoPatch: { password: settings.password } }));
  await tell("key", () => client.account.createApiKey({ apiKeyPost: { device: "node" } }));
  await tell("logout", async () => (await client.account.logoutRaw()).raw.json());
  await tell("deleted", () => client.account.deleteUser());
  await tell("after", () => client.account.getUserInfo());
};

const main = async () => {
  const client = new SimpleLoginClient({ url: `${settings.url}/`, apiKey: settings.key });
  await signIn();
  await aliases(client);
  await possessions(client);
  await account(client);
  process.stdout.write(JSON.stringify(told));
};

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
