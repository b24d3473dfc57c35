-- The roles and their passwords; may be run again, on the primary. No log shall hold a password. Patroni makes the roles
-- for replication and for rewinding itself, later than this is run at first.
SET log_min_error_statement = panic;
SELECT 'CREATE ROLE bookstore LOGIN CREATEDB' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bookstore') \gexec
GRANT pg_monitor TO bookstore;
SELECT format('ALTER ROLE %I PASSWORD %L', rolname, password)
FROM (VALUES
    ('bookstore', '$password_bookstore'),
    ('postgres', '$password_postgres'),
    ('replicator', '$password_replicator'),
    ('rewinder', '$password_rewinder')
) AS given (name, password) JOIN pg_roles ON rolname = name \gexec
