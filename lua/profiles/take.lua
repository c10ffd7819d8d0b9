-- Ask for the right to read one member's profile from the database and to put it here [R 12]. One at a time has it, for a while.
--
-- KEYS[1] entry    hash     v: version, no older one may come; r, b: the copy and when to refresh it; t, u: who fills it, until when
-- ARGV[1] token    string   of this caller's fill
-- ARGV[2] leaseMs  integer  after which another may fill
-- ARGV[3] seen     string   the r of the copy that is to be refreshed, empty when there was none
-- Reply {"fill"} | {"wait"} | {"there", v, r, b}
local entry = KEYS[1]
local token, lease_ms, seen = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local held = redis.call('HMGET', entry, 'v', 'r', 'b', 't', 'u')
if held[3] and held[2] ~= seen then return { 'there', held[1], held[2], held[3] } end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if held[4] and tonumber(held[5]) > now_ms then return { 'wait' } end
redis.call('HSET', entry, 't', token, 'u', string.format('%.0f', now_ms + lease_ms))
if redis.call('PTTL', entry) < lease_ms then redis.call('PEXPIRE', entry, lease_ms) end
return { 'fill' }
