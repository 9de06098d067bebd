-- squawk-ignore-file ban-drop-table
-- Undoing this migration means that every program has to be given another key; there is no gentler way.
drop table api_keys;
