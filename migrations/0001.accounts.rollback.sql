-- squawk-ignore-file ban-drop-table
-- Undoing the first migration means losing every account; there is no gentler way.
drop table sessions;
drop table users;
