DROP INDEX deliveries_not_sent;
DROP INDEX messages_kept;
