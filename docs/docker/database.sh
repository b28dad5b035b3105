#!/bin/sh
# Run once by the image of PostgreSQL, on an empty database: an ordinary role that owns its database. The image's own user is a
# superuser, whom no wall between tenants holds.
set -eu
psql --username "$POSTGRES_USER" --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
    --set role="${POSTERN_DB_USER:-postern}" --set name="${POSTERN_DB_NAME:-postern}" \
    --set password="$(cat "${POSTERN_PASSWORD_FILE:-/run/secrets/database}")" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"role";
SQL
