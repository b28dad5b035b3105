DROP TABLE admin_acts;
DROP TABLE invitations;
DROP TABLE recovery_codes;
DROP TABLE passkey_challenges;
DROP TABLE passkeys;
DROP TABLE sign_in_codes;
DROP TABLE preferences;

ALTER TABLE contacts
    DROP CONSTRAINT contact_of_user,
    DROP COLUMN sent,
    DROP COLUMN received,
    DROP COLUMN seen_at,
    DROP COLUMN blocked_at,
    DROP COLUMN name_sealed;

DROP TABLE retired_addresses;

-- Programs before this know no deleted aliases: they would take mail again.
DELETE FROM aliases WHERE deleted_at IS NOT NULL;
ALTER TABLE aliases
    DROP COLUMN replied,
    DROP COLUMN blocked,
    DROP COLUMN forwarded,
    DROP COLUMN seen_at,
    DROP COLUMN deleted_at,
    DROP COLUMN pinned,
    DROP COLUMN name_sealed,
    DROP COLUMN note,
    DROP COLUMN origin;

DROP INDEX mailbox_one_default;
DROP INDEX mailboxes_by_address;
ALTER TABLE mailboxes
    DROP COLUMN proof_expires_at,
    DROP COLUMN proof_index,
    DROP COLUMN paused_at,
    DROP COLUMN is_default;

-- Programs before this know no claims: they would take mail for them.
DELETE FROM domains WHERE verified_at IS NULL;
DROP INDEX domains_of_parent;
DROP INDEX domain_name_once_per_user;
DROP INDEX domain_name_once;
ALTER TABLE domains
    DROP CONSTRAINT domain_shared_makes_none_by_itself,
    DROP COLUMN fly_made,
    DROP COLUMN fly_day,
    DROP COLUMN fly_per_day,
    DROP COLUMN on_the_fly,
    DROP COLUMN subdomains,
    DROP COLUMN parent_id,
    DROP COLUMN checked_at,
    DROP COLUMN proof,
    DROP COLUMN verified_at,
    ADD CONSTRAINT domain_name_once UNIQUE (name);

DROP INDEX users_unconfirmed;
DELETE FROM users WHERE confirmed_at IS NULL;
ALTER TABLE users
    DROP COLUMN max_bytes_day,
    DROP COLUMN max_messages_day,
    DROP COLUMN max_domains,
    DROP COLUMN max_mailboxes,
    DROP COLUMN max_aliases,
    DROP COLUMN welcomed_at,
    DROP COLUMN confirmed_at,
    DROP COLUMN role;
