-- transactional: false
drop index concurrently if exists generations_created_at_idx;
