-- What a queue leaves behind is cleared up while it is little: PostgreSQL by itself waits until a fifth of a table is dead, which
-- of a queue with a million finished rows are 200,000 dead entries in the index through which the due ones are found.

ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE message_chunks SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE webhook_ids SET (autovacuum_vacuum_scale_factor = 0.02);
