-- One call of a line that several processes share. See lines.py for what it means, and memory_line.py for the same in
-- one process.
--
-- KEYS: holders (each with the time, in milliseconds of this server's clock, until which it is believed to live), waiting
-- and admitted (ids of tickets with their tags), tickets (whose each is), users (what each holds), state (of the line).
-- ARGV: what the caller tells and asks, as msgpack. Returns where the tickets are, likewise.

local HOLDERS, WAITING, ADMITTED, TICKETS, USERS, STATE = unpack(KEYS)
local LEASE, SILENCE = 6000, 3600000 -- milliseconds

local request = cmsgpack.unpack(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The first to write, and refused if memory has run out: then nothing else has been done.
redis.call('ZADD', HOLDERS, now + LEASE, request.holder)

-- A Redis that is short of memory may have thrown one of the keys away. Then the line starts again, and all come back.
local function is_torn()
    local known = redis.call('HLEN', TICKETS)
    local placed = redis.call('ZCARD', WAITING) + redis.call('ZCARD', ADMITTED)
    return known ~= placed or redis.call('EXISTS', USERS, STATE) ~= (known > 0 and 2 or redis.call('EXISTS', STATE))
end

if is_torn() then
    redis.call('DEL', WAITING, ADMITTED, TICKETS, USERS, STATE)
end

local clock = tonumber(redis.call('HGET', STATE, 'clock') or 0)
local seconds = tonumber(redis.call('HGET', STATE, 'seconds') or 0)

local function score(key, id)
    return tonumber(redis.call('ZSCORE', key, id) or nil)
end

local function user_of(name)
    local packed = redis.call('HGET', USERS, name)
    return packed and cmsgpack.unpack(packed) or {held = 0, last = 0}
end

local function keep_user(name, user)
    if user.held > 0 then
        redis.call('HSET', USERS, name, cmsgpack.pack(user))
    else
        redis.call('HDEL', USERS, name)
    end
end

-- Moves the user's tickets that are behind one that waits no longer into its turn.
local function close_up(tag, ticket)
    local behind = redis.call('ZRANGEBYSCORE', WAITING, string.format('(%.17g', tag), '+inf')
    for _, id in ipairs(behind) do
        if cmsgpack.unpack(redis.call('HGET', TICKETS, id)).user == ticket.user then
            redis.call('ZINCRBY', WAITING, -ticket.stride, id)
        end
    end
end

local function leave(id, worked)
    local packed = redis.call('HGET', TICKETS, id)
    if not packed then
        return
    end
    local ticket = cmsgpack.unpack(packed)
    local user = user_of(ticket.user)
    local tag = score(WAITING, id)
    if tag then
        close_up(tag, ticket)
        user.last = user.last - ticket.stride
        redis.call('ZREM', WAITING, id)
    else
        redis.call('ZREM', ADMITTED, id)
        if worked then
            seconds = seconds == 0 and worked or seconds + (worked - seconds) / 8
        end
    end
    redis.call('HDEL', TICKETS, id)
    user.held = user.held - 1
    keep_user(ticket.user, user)
end

-- Takes the tickets of those that are not heard of any more, and what the caller does not mention if it mentions all.
local function take_back()
    local kept = {}
    for _, ticket in ipairs(request.enter) do
        kept[ticket.id] = true
    end
    for _, id in ipairs(request.ask) do
        kept[id] = true
    end
    local all = redis.call('HGETALL', TICKETS)
    for i = 1, #all, 2 do
        local holder = cmsgpack.unpack(all[i + 1]).holder
        local is_lost = request.complete and holder == request.holder and not kept[all[i]]
        if is_lost or not score(HOLDERS, holder) then
            leave(all[i])
        end
    end
end

local function admit()
    local room = request.parallel - redis.call('ZCARD', ADMITTED)
    while room > 0 do
        local id, tag = unpack(redis.call('ZPOPMIN', WAITING))
        if not id then
            return
        end
        redis.call('ZADD', ADMITTED, tag, id)
        clock = math.max(clock, tonumber(tag))
        room = room - 1
    end
end

-- Returns why a new ticket is refused, if it is.
local function refusal(ticket, user)
    if ticket.returns then
        return nil
    elseif ticket.most > 0 and user.held >= ticket.most then
        return 'excess'
    elseif
        redis.call('ZCARD', ADMITTED) >= request.parallel
        and redis.call('ZCARD', WAITING) >= request.queue
    then
        return 'full'
    end
end

-- Lets a ticket in, or returns why not.
local function enter(ticket)
    local tag = score(WAITING, ticket.id)
    if tag and ticket.admitted then
        redis.call('ZREM', WAITING, ticket.id)
        redis.call('ZADD', ADMITTED, tag, ticket.id)
    end
    if redis.call('HEXISTS', TICKETS, ticket.id) == 1 then
        return nil
    end
    local user = user_of(ticket.user)
    local reason = refusal(ticket, user)
    if reason then
        return reason
    end
    tag = ticket.tag
    if not tag then
        tag = ticket.admitted and clock or math.max(clock, user.last) + ticket.stride
    end
    -- Whoever brings a tag tells a line that forgot it what time it was.
    if ticket.admitted then
        clock = math.max(clock, tag)
    elseif tag - ticket.stride > user.last then
        clock = math.max(clock, tag - ticket.stride)
    end
    user.held = user.held + 1
    user.last = math.max(user.last, tag)
    keep_user(ticket.user, user)
    local whose = {holder = request.holder, user = ticket.user, stride = ticket.stride}
    redis.call('HSET', TICKETS, ticket.id, cmsgpack.pack(whose))
    redis.call('ZADD', ticket.admitted and ADMITTED or WAITING, tag, ticket.id)
    admit()
end

local function standing(id)
    local tag = score(ADMITTED, id)
    if tag then
        return {id = id, state = 'admitted', tag = tag}
    end
    tag = score(WAITING, id)
    if tag then
        return {id = id, state = 'waiting', tag = tag, ahead = redis.call('ZRANK', WAITING, id)}
    end
    return {id = id, state = 'unknown'}
end

-- A clock that was set back must not let the dead live longer.
for _, holder in ipairs(redis.call('ZRANGEBYSCORE', HOLDERS, '(' .. now + LEASE, '+inf')) do
    redis.call('ZADD', HOLDERS, now + LEASE, holder)
end
local are_dead = redis.call('ZREMRANGEBYSCORE', HOLDERS, '-inf', now) > 0

for _, departure in ipairs(request.leave) do
    leave(departure.id, departure.seconds)
end
if are_dead or request.complete then
    take_back()
end
admit()

local standings = {}
local refused = {}
for _, ticket in ipairs(request.enter) do
    refused[ticket.id] = enter(ticket)
end
for _, ticket in ipairs(request.enter) do
    local reason = refused[ticket.id]
    standings[#standings + 1] = reason and {id = ticket.id, state = reason} or standing(ticket.id)
end
for _, id in ipairs(request.ask) do
    standings[#standings + 1] = standing(id)
end

redis.call('HSET', STATE, 'clock', clock, 'seconds', seconds)
for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, SILENCE)
end
return cmsgpack.pack({standings = standings, seconds = seconds})
