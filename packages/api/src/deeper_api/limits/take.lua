-- Takes tokens from several buckets at once: from all of them, or from none. See buckets.py.
--
-- KEYS: the buckets, each of which holds the time at which it is full again, in microseconds of this server's clock.
-- ARGV: for each bucket its capacity, the microseconds in which one token comes back, how many are wanted, how many it
-- may owe, and 1 if they are taken even if there is not enough.
-- Returns 1 or 0, and then how many microseconds each bucket is short of being full.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local allowed = 1
local known, wanted = {}, {}

local function keep(key, short)
    if short == 0 then
        redis.call('DEL', key)
    else
        redis.call('SET', key, string.format('%.0f', now + short), 'PX', math.ceil(short / 1000))
    end
end

for i, key in ipairs(KEYS) do
    local capacity = tonumber(ARGV[5 * i - 4])
    local interval = tonumber(ARGV[5 * i - 3])
    local cost = tonumber(ARGV[5 * i - 2])
    local emptiest = (capacity + tonumber(ARGV[5 * i - 1])) * interval
    local overdue = tonumber(ARGV[5 * i]) == 1
    local full_at = tonumber(redis.call('GET', key) or now)
    known[i] = math.max(0, full_at - now)
    -- The clock was set back, or the limit lowered: no bucket can be shorter than that, nor stay so.
    if known[i] > emptiest then
        known[i] = emptiest
        keep(key, known[i])
    end
    wanted[i] = math.max(0, known[i] + cost * interval)
    if overdue then
        wanted[i] = math.min(wanted[i], emptiest)
    elseif wanted[i] > capacity * interval then
        allowed = 0
    end
end

if allowed == 0 then
    return {0, unpack(known)}
end
for i, key in ipairs(KEYS) do
    keep(key, wanted[i])
end
return {1, unpack(wanted)}
