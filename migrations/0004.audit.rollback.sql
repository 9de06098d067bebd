-- squawk-ignore-file ban-drop-table
-- Undoing this migration means losing the record; there is no gentler way.
drop table audit_events;
