DROP TABLE events;
DROP TABLE contacts;
DROP TABLE alias_mailboxes;
DROP TABLE aliases;
DROP TABLE mailboxes;
DROP TABLE domains;
DROP TABLE users;
