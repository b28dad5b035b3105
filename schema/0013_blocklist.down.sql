DROP TABLE domain_mailboxes;
ALTER TABLE domains
    DROP CONSTRAINT domain_of_user,
    DROP CONSTRAINT domain_shared_is_on,
    DROP COLUMN note,
    DROP COLUMN enabled;
DROP TABLE blocked_senders;
