#!/bin/sh
# Run once, when the database is made: a role that is no superuser, for row security holds superusers to nothing.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --set=password="$SOJOURN_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE sojourn LOGIN PASSWORD :'password';
CREATE DATABASE sojourn OWNER sojourn;
SQL
