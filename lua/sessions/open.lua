-- Store a session under the hash of its secret, with a sliding expiry and a hard end. Sessions that are over are removed on the
-- way; of those that live a player keeps the most recently used ones [R 11].
--
-- KEYS[1] sessions  hash  secretHash -> a session's text, see include/sessions.lua
-- ARGV[1] secretHash  string
-- ARGV[2] member      string
-- ARGV[3] how         one small letter, the way of signing in
-- ARGV[4] idleMs      integer, the sliding expiry
-- ARGV[5] maxMs       integer, the hard maximum age
-- ARGV[6] keptMax     integer, sessions of one player
-- Reply {"opened", expiresAtMs, evicted} the live ones that it pushed out
local sessions = KEYS[1]
local secret_hash, member, how = ARGV[1], ARGV[2], ARGV[3]
local idle_ms, max_ms, kept_max = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
-- @include "sessions.lua"

local now = now_ms()
local expires = now + math.min(idle_ms, max_ms)
local own, last = prune(sessions, member, now)
table.sort(own, function(a, b) return a.used > b.used end)
for i = kept_max, #own do redis.call('HDEL', sessions, own[i].secret_hash) end
local session = { expires = expires, ends = now + max_ms, created = now, used = now, how = how, member = member }
redis.call('HSET', sessions, secret_hash, session_text(session))
redis.call('PEXPIREAT', sessions, string.format('%.0f', math.max(last, expires)))
return { 'opened', string.format('%.0f', expires), math.max(0, #own - kept_max + 1) }
