-- transactional: false
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, prefer-robust-stmts
-- Serves what all users together used in a time. Of one that was being made when its maker died, a useless rest stays.
drop index concurrently if exists generations_created_at_idx;
create index concurrently generations_created_at_idx on generations (created_at);
