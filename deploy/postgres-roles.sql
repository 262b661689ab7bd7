-- Two roles: lianqiao_owner migrates, lianqiao_app serves. Run by the owner of the tables (or a superuser), in the gateway's
-- database, after each `lianqiao migrate`. Create the roles once, with passwords of your own:
--   CREATE ROLE lianqiao_owner LOGIN; CREATE ROLE lianqiao_app LOGIN;
GRANT USAGE ON SCHEMA public TO lianqiao_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO lianqiao_app;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM lianqiao_app;
-- What is written once and never again:
REVOKE UPDATE, DELETE ON
    trail_event, trail_item, trail_seal,
    log_entry, log_checkpoint, log_cosignature,
    request_event, data_item_version, entry_opening
FROM lianqiao_app;
