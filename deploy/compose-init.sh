#!/bin/sh
# Makes the role and the database of the service, once, when the PostgreSQL volume is empty.
set -eu
psql --username postgres --set ON_ERROR_STOP=1 --set password="$WALLET_PASSWORD" <<'SQL'
CREATE ROLE wallet LOGIN PASSWORD :'password';
CREATE DATABASE wallet OWNER wallet;
\connect wallet
CREATE EXTENSION pg_trgm;
SQL
