-- Jobs: how often each went wrong, its last error, and one run at a time for those that serve all homes.

ALTER TABLE jobs ADD COLUMN ok_at timestamptz;
ALTER TABLE jobs ADD COLUMN error_at timestamptz;
ALTER TABLE jobs ADD COLUMN failures integer NOT NULL DEFAULT 0;
UPDATE jobs SET job = 'deliver' WHERE job = 'drain';
UPDATE jobs SET job = 'purge' WHERE job = 'prune';
UPDATE jobs SET ok_at = started_at WHERE ok;
UPDATE jobs SET error_at = ended_at WHERE NOT ok;
COMMENT ON COLUMN jobs.job IS 'Its name in flow/job_table.py.';
COMMENT ON COLUMN jobs.items IS 'What it dealt with: deliver: deliveries sent; purge: rows deleted; else see docs/operations/cron.md.';
COMMENT ON COLUMN jobs.ok_at IS 'When the last run that went well started.';
COMMENT ON COLUMN jobs.error IS 'The last error, also when it went well since; no address, no secret.';
COMMENT ON COLUMN jobs.error_at IS 'When that was.';
COMMENT ON COLUMN jobs.failures IS 'Runs in a row that failed or died, the last one among them; 0: the last one went well.';

CREATE TABLE job_leases (
    job      text PRIMARY KEY,
    home     text NOT NULL,
    taken_at timestamptz NOT NULL,
    until    timestamptz NOT NULL
);
COMMENT ON TABLE job_leases IS 'Who is at a job that one home does for all: nobody else until the time is over.';
COMMENT ON COLUMN job_leases.job IS 'Its name in flow/job_table.py.';
COMMENT ON COLUMN job_leases.home IS 'As in jobs.';
COMMENT ON COLUMN job_leases.until IS 'The job''s time limit, or when it ended: after that another home may take it.';
