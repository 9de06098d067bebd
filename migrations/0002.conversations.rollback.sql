-- squawk-ignore-file ban-drop-table
-- Undoing this migration means losing every conversation; there is no gentler way.
drop table idempotency_keys;
drop table generation_chunks;
drop table generations;
drop table runners;
drop table messages;
drop table conversations;
