-- squawk-ignore-file ban-drop-column
-- Undoing this migration means that every account has the quota of all others again.
alter table runners drop column waiting;
alter table users drop column tokens_per_day;
