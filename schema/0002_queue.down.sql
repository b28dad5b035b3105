DROP TABLE webhook_ids;
DROP TABLE fingerprints;
DROP TABLE deliveries;
DROP TABLE message_chunks;
DROP TABLE messages;
