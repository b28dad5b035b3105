ALTER TABLE webhook_ids RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE message_chunks RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE deliveries RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor);
