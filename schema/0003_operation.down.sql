DROP TABLE jobs;
DROP TABLE relay_usage;
DROP TABLE relays;
