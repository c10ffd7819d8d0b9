-- The boards whose ranks somebody looks at; marks that have ended are forgotten on the way.
--
-- KEYS[1] wanted  zset  board -> until when, in ms
-- Flags allow-oom
-- Reply {"wanted", board, …}
local wanted = KEYS[1]

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', wanted, '-inf', '(' .. string.format('%.0f', now_ms))
local reply = redis.call('ZRANGE', wanted, 0, -1)
table.insert(reply, 1, 'wanted')
return reply
