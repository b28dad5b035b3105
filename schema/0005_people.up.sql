-- What people do with their account: how they sign in, what they set, and what an alias, a mailbox, a domain and a contact
-- know about themselves. Who may see which row is decided by row level security, as in 0001.

ALTER TABLE users
    ADD COLUMN role text NOT NULL DEFAULT 'user' CONSTRAINT user_role_is_known CHECK (role IN (
        'user',   -- sees and changes what is his own
        'admin'   -- besides: the users, the queue, the jobs and the limits of this instance
    )),
    ADD COLUMN confirmed_at timestamptz DEFAULT now(),
    ADD COLUMN welcomed_at timestamptz,
    ADD COLUMN max_aliases integer CONSTRAINT user_max_aliases_counts CHECK (max_aliases >= 0),
    ADD COLUMN max_mailboxes integer CONSTRAINT user_max_mailboxes_counts CHECK (max_mailboxes >= 0),
    ADD COLUMN max_domains integer CONSTRAINT user_max_domains_counts CHECK (max_domains >= 0),
    ADD COLUMN max_messages_day integer CONSTRAINT user_max_messages_counts CHECK (max_messages_day >= 0),
    ADD COLUMN max_bytes_day bigint CONSTRAINT user_max_bytes_counts CHECK (max_bytes_day >= 0);
UPDATE users SET confirmed_at = created_at;
CREATE INDEX users_unconfirmed ON users (created_at) WHERE confirmed_at IS NULL;
COMMENT ON COLUMN users.role IS 'user or admin.';
COMMENT ON COLUMN users.confirmed_at IS 'When the address given at registration was proven; empty until then: such a user cannot sign in otherwise, and is deleted after a day.';
COMMENT ON COLUMN users.welcomed_at IS 'When the tour of the first visit was finished or left; empty: it is shown.';
COMMENT ON COLUMN users.max_aliases IS 'Quota of this user; empty: that of the instance (POSTERN_USER_ALIASES).';
COMMENT ON COLUMN users.max_mailboxes IS 'Quota of this user; empty: POSTERN_USER_MAILBOXES.';
COMMENT ON COLUMN users.max_domains IS 'Quota of this user; empty: POSTERN_USER_DOMAINS.';
COMMENT ON COLUMN users.max_messages_day IS 'Messages received and replied a day (UTC); empty: POSTERN_USER_MESSAGES_DAY.';
COMMENT ON COLUMN users.max_bytes_day IS 'Their bytes a day (UTC); empty: POSTERN_USER_BYTES_DAY.';

ALTER TABLE domains
    ADD COLUMN verified_at timestamptz,
    ADD COLUMN proof text NOT NULL DEFAULT '',
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN parent_id bigint REFERENCES domains ON DELETE CASCADE,
    ADD COLUMN subdomains boolean NOT NULL DEFAULT false,
    ADD COLUMN on_the_fly boolean NOT NULL DEFAULT false,
    ADD COLUMN fly_per_day integer NOT NULL DEFAULT 20 CONSTRAINT domain_fly_per_day_counts CHECK (fly_per_day >= 0),
    ADD COLUMN fly_day date,
    ADD COLUMN fly_made integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT domain_shared_makes_none_by_itself CHECK (user_id IS NOT NULL OR NOT on_the_fly),
    DROP CONSTRAINT domain_name_once;
UPDATE domains SET verified_at = created_at;
CREATE UNIQUE INDEX domain_name_once ON domains (name) WHERE verified_at IS NOT NULL;
CREATE UNIQUE INDEX domain_name_once_per_user ON domains (user_id, name);
CREATE INDEX domains_of_parent ON domains (parent_id) WHERE parent_id IS NOT NULL;
COMMENT ON COLUMN domains.verified_at IS 'When its ownership was shown, or the operator vouched for it; mail is taken for verified domains only. Empty: a claim, and several users may have one.';
COMMENT ON COLUMN domains.proof IS 'What the TXT record of the owner must say: random, one a claim.';
COMMENT ON COLUMN domains.checked_at IS 'When the TXT record was last looked for.';
COMMENT ON COLUMN domains.parent_id IS 'The shared domain under which this one is a user''s own subdomain; empty for others.';
COMMENT ON COLUMN domains.subdomains IS 'Of a shared domain: users may take a subdomain of it (its mail must be routed here, too).';
COMMENT ON COLUMN domains.on_the_fly IS 'Any address of it makes itself an alias with its first mail.';
COMMENT ON COLUMN domains.fly_per_day IS 'At most so many aliases a day (UTC) make themselves.';
COMMENT ON COLUMN domains.fly_day IS 'The day that fly_made counts.';
COMMENT ON COLUMN domains.fly_made IS 'How many made themselves on fly_day.';

ALTER TABLE mailboxes
    ADD COLUMN is_default boolean NOT NULL DEFAULT false,
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN proof_index bytea CONSTRAINT mailbox_proof_once UNIQUE,
    ADD COLUMN proof_expires_at timestamptz;
CREATE UNIQUE INDEX mailbox_one_default ON mailboxes (user_id) WHERE is_default;
CREATE INDEX mailboxes_by_address ON mailboxes (address_index);
UPDATE mailboxes SET is_default = true WHERE id IN (
    SELECT min(id) FROM mailboxes WHERE verified_at IS NOT NULL GROUP BY user_id);
COMMENT ON COLUMN mailboxes.is_default IS 'New aliases forward to it; one a user.';
COMMENT ON COLUMN mailboxes.paused_at IS 'Since when nothing is forwarded to it because too much bounced; mail is held meanwhile.';
COMMENT ON COLUMN mailboxes.proof_index IS 'Keyed hash of the token in the mail that proves it, purpose mailbox proof.';
COMMENT ON COLUMN mailboxes.proof_expires_at IS 'Until when that token is good.';

ALTER TABLE aliases
    ADD COLUMN origin text NOT NULL DEFAULT 'custom' CONSTRAINT alias_origin_is_known CHECK (origin IN (
        'random',   -- made by one click
        'custom',   -- its name was chosen
        'fly',      -- it made itself with its first mail
        'import'    -- it came from another service
    )),
    ADD COLUMN note text NOT NULL DEFAULT '' CONSTRAINT alias_note_is_short CHECK (length(note) <= 500),
    ADD COLUMN name_sealed bytea,
    ADD COLUMN pinned boolean NOT NULL DEFAULT false,
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN seen_at timestamptz,
    ADD COLUMN forwarded bigint NOT NULL DEFAULT 0,
    ADD COLUMN blocked bigint NOT NULL DEFAULT 0,
    ADD COLUMN replied bigint NOT NULL DEFAULT 0;
CREATE INDEX aliases_deleted ON aliases (deleted_at) WHERE deleted_at IS NOT NULL;
COMMENT ON COLUMN aliases.origin IS 'random, custom, fly or import: how it came to be.';
COMMENT ON COLUMN aliases.note IS 'Its user''s own words; in clear, for they are searched.';
COMMENT ON COLUMN aliases.name_sealed IS 'The name shown beside the alias in replies; sealed at place aliases.name:uid. Empty: none.';
COMMENT ON COLUMN aliases.pinned IS 'Stands first in lists.';
COMMENT ON COLUMN aliases.deleted_at IS 'When it was deleted: it takes no mail, and can be brought back for 30 days.';
COMMENT ON COLUMN aliases.seen_at IS 'When mail to or from it last came.';
COMMENT ON COLUMN aliases.forwarded IS 'Messages taken in for its mailboxes.';
COMMENT ON COLUMN aliases.blocked IS 'Messages refused: it was off, or the contact is blocked.';
COMMENT ON COLUMN aliases.replied IS 'Messages sent from it.';

CREATE TABLE retired_addresses (
    address_index bytea PRIMARY KEY,
    retired_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE retired_addresses IS 'Addresses on shared domains that an alias once had: nobody gets them again, for mail to the one before would reach the one after.';
COMMENT ON COLUMN retired_addresses.address_index IS 'Keyed hash of the address, purpose retired.';

ALTER TABLE contacts
    ADD COLUMN name_sealed bytea,
    ADD COLUMN blocked_at timestamptz,
    ADD COLUMN seen_at timestamptz,
    ADD COLUMN received bigint NOT NULL DEFAULT 0,
    ADD COLUMN sent bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT contact_of_user UNIQUE (user_id, id);
COMMENT ON COLUMN contacts.name_sealed IS 'The name that the contact last wrote under, sealed at place contacts.name:uid. Empty: none.';
COMMENT ON COLUMN contacts.blocked_at IS 'Since when mail of this contact to the alias is refused.';
COMMENT ON COLUMN contacts.seen_at IS 'When it last wrote or was written to.';
COMMENT ON COLUMN contacts.received IS 'Messages of the contact that were taken in.';
COMMENT ON COLUMN contacts.sent IS 'Messages sent to the contact.';

CREATE TABLE preferences (
    user_id           bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    default_domain_id bigint REFERENCES domains ON DELETE SET NULL,
    default_kind      text NOT NULL DEFAULT 'words' CONSTRAINT preference_kind_is_known CHECK (default_kind IN (
        'words',        -- two words and two digits
        'characters',   -- letters and digits
        'uuid'          -- a UUID
    )),
    dmarc_fail        text NOT NULL DEFAULT 'quarantine' CONSTRAINT preference_dmarc_is_known CHECK (dmarc_fail IN (
        'quarantine',   -- held until its user looks at it
        'forward'       -- forwarded like other mail
    )),
    offer_block       boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE preferences IS 'What a user has set; a user without a row has the defaults.';
COMMENT ON COLUMN preferences.default_domain_id IS 'Where a new alias is made; empty: the first that the user may use.';
COMMENT ON COLUMN preferences.default_kind IS 'words, characters or uuid: what a random alias looks like.';
COMMENT ON COLUMN preferences.dmarc_fail IS 'quarantine or forward: what becomes of mail whose sender is forged by DMARC''s rules.';
COMMENT ON COLUMN preferences.offer_block IS 'Forwarded mail gets a List-Unsubscribe of ours, which blocks the contact, where the sender gave none.';

CREATE TABLE sign_in_codes (
    id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    uid           uuid NOT NULL CONSTRAINT sign_in_code_uid_once UNIQUE,
    user_id       bigint REFERENCES users ON DELETE CASCADE,
    mailbox_id    bigint REFERENCES mailboxes ON DELETE CASCADE,
    address_index bytea NOT NULL,
    client_index  bytea NOT NULL,
    browser_index bytea NOT NULL,
    token_index   bytea CONSTRAINT sign_in_code_token_once UNIQUE,
    code_index    bytea,
    agent_sealed  bytea NOT NULL,
    tries         integer NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    posted_at     timestamptz,
    used_at       timestamptz
);
CREATE INDEX sign_in_codes_asked ON sign_in_codes (id) WHERE posted_at IS NULL;
CREATE INDEX sign_in_codes_by_browser ON sign_in_codes (browser_index);
CREATE INDEX sign_in_codes_by_address ON sign_in_codes (address_index, created_at);
CREATE INDEX sign_in_codes_by_client ON sign_in_codes (client_index, created_at);
CREATE INDEX sign_in_codes_by_age ON sign_in_codes (created_at);
COMMENT ON TABLE sign_in_codes IS 'A mailed link with its code, asked for by a browser: either signs that browser in, once, within ten minutes.';
COMMENT ON COLUMN sign_in_codes.uid IS 'Made by the program.';
COMMENT ON COLUMN sign_in_codes.user_id IS 'Empty: not looked up yet, or the address is nobody''s. Whose it is is asked by the drain, not by the request: so both are answered alike.';
COMMENT ON COLUMN sign_in_codes.posted_at IS 'When the drain looked it up, and queued the mail if the address is somebody''s.';
COMMENT ON COLUMN sign_in_codes.agent_sealed IS 'The browser that asked, in a few words for the mail; sealed at place sign_in_codes.agent:uid.';
COMMENT ON COLUMN sign_in_codes.mailbox_id IS 'The mailbox that it was mailed to: using it proves that one, too.';
COMMENT ON COLUMN sign_in_codes.address_index IS 'Keyed hash of the address that was typed, purpose mailbox: so many an hour and no more.';
COMMENT ON COLUMN sign_in_codes.client_index IS 'Keyed hash of the network that asked, purpose client: the same.';
COMMENT ON COLUMN sign_in_codes.browser_index IS 'Keyed hash of a cookie of the browser that asked, purpose browser: only there it works.';
COMMENT ON COLUMN sign_in_codes.token_index IS 'Keyed hash of the link''s token, purpose sign-in mail.';
COMMENT ON COLUMN sign_in_codes.code_index IS 'Keyed hash of uid and code, purpose sign-in code.';
COMMENT ON COLUMN sign_in_codes.tries IS 'Wrong codes typed; after five it is void.';

CREATE TABLE passkeys (
    id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    uid           uuid NOT NULL CONSTRAINT passkey_uid_once UNIQUE,
    user_id       bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    credential_id bytea NOT NULL CONSTRAINT passkey_credential_once UNIQUE,
    public_key    bytea NOT NULL,
    sign_count    bigint NOT NULL DEFAULT 0,
    transports    text NOT NULL DEFAULT '',
    backed_up     boolean NOT NULL DEFAULT false,
    name_sealed   bytea NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz
);
CREATE INDEX passkeys_of_user ON passkeys (user_id, id);
COMMENT ON TABLE passkeys IS 'A passkey (WebAuthn credential) that signs its user in.';
COMMENT ON COLUMN passkeys.credential_id IS 'As the authenticator named it.';
COMMENT ON COLUMN passkeys.public_key IS 'COSE_Key (RFC 9052), as it was registered.';
COMMENT ON COLUMN passkeys.sign_count IS 'The authenticator''s counter when it last signed; 0 where it keeps none.';
COMMENT ON COLUMN passkeys.transports IS 'How a browser may reach it: usb, nfc, ble, internal, hybrid; blanks between.';
COMMENT ON COLUMN passkeys.backed_up IS 'Whether it is synced to other devices.';
COMMENT ON COLUMN passkeys.name_sealed IS 'What its user calls it, sealed at place passkeys.name:uid.';

CREATE TABLE passkey_challenges (
    challenge_index bytea PRIMARY KEY,
    user_id         bigint REFERENCES users ON DELETE CASCADE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL
);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
COMMENT ON TABLE passkey_challenges IS 'Challenges that were given out and not answered yet; an answer uses its row up.';
COMMENT ON COLUMN passkey_challenges.challenge_index IS 'Keyed hash of the challenge, purpose passkey challenge.';
COMMENT ON COLUMN passkey_challenges.user_id IS 'Who adds a passkey; empty: somebody signs in.';

CREATE TABLE recovery_codes (
    id         bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    code_index bytea NOT NULL CONSTRAINT recovery_code_once UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);
CREATE INDEX recovery_codes_of_user ON recovery_codes (user_id, id);
COMMENT ON TABLE recovery_codes IS 'Codes on paper: each signs its user in once, when no mailbox can be read.';
COMMENT ON COLUMN recovery_codes.code_index IS 'Keyed hash of the code, purpose recovery code.';

CREATE TABLE invitations (
    id          bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    uid         uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT invitation_uid_once UNIQUE,
    token_index bytea NOT NULL CONSTRAINT invitation_token_once UNIQUE,
    made_by     text NOT NULL,
    role        text NOT NULL DEFAULT 'user' CONSTRAINT invitation_role_is_known CHECK (role IN ('user', 'admin')),
    note        text NOT NULL DEFAULT '' CONSTRAINT invitation_note_is_short CHECK (length(note) <= 500),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    used_by     bigint REFERENCES users ON DELETE SET NULL
);
COMMENT ON TABLE invitations IS 'Links by which somebody may open an account, once.';
COMMENT ON COLUMN invitations.token_index IS 'Keyed hash of the token in the link, purpose invitation.';
COMMENT ON COLUMN invitations.made_by IS 'Handle of the admin, or: operator.';
COMMENT ON COLUMN invitations.role IS 'user or admin: what the new user will be.';
COMMENT ON COLUMN invitations.used_by IS 'The user who opened an account with it.';
COMMENT ON COLUMN invitations.note IS 'Whom it is for, in the words of who made it.';

CREATE TABLE admin_acts (
    id     bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text NOT NULL,
    act    text NOT NULL,
    target text NOT NULL DEFAULT '',
    note   text NOT NULL DEFAULT ''
);
COMMENT ON TABLE admin_acts IS 'What admins and the operator did to other people''s accounts and to the instance.';
COMMENT ON COLUMN admin_acts.actor IS 'Handle of the admin, or: operator.';
COMMENT ON COLUMN admin_acts.act IS 'A verb and a noun: disable user, set quota, retry delivery.';
COMMENT ON COLUMN admin_acts.target IS 'Whom or what it concerned: a handle, a domain, a number. No real address.';

ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE preferences FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON preferences
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');

ALTER TABLE sign_in_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE sign_in_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON sign_in_codes
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');

ALTER TABLE passkeys ENABLE ROW LEVEL SECURITY;
ALTER TABLE passkeys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON passkeys
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');

ALTER TABLE passkey_challenges ENABLE ROW LEVEL SECURITY;
ALTER TABLE passkey_challenges FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON passkey_challenges
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');

ALTER TABLE recovery_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE recovery_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON recovery_codes
    USING (user_id = nullif(current_setting('postern.user_id', true), '')::bigint
           OR current_setting('postern.user_id', true) = '0');

ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY the_programs_own ON invitations
    USING (current_setting('postern.user_id', true) = '0');

ALTER TABLE admin_acts ENABLE ROW LEVEL SECURITY;
ALTER TABLE admin_acts FORCE ROW LEVEL SECURITY;
CREATE POLICY the_programs_own ON admin_acts
    USING (current_setting('postern.user_id', true) = '0');
