-- Writes something, because a Redis without memory, or one that became a replica, reads well and cannot write.
--
-- KEYS: what is written, for a second.

redis.call('SET', KEYS[1], '1', 'PX', 1000)
return 1
