-- Who a session belongs to, and push its expiry on, never past its hard end.
--
-- KEYS[1] sessions  hash  secretHash -> a session's text, see include/sessions.lua
-- ARGV[1] secretHash  string
-- ARGV[2] idleMs      integer
-- Flags allow-oom
-- Reply {"live", member, expiresAtMs} | {"unknown"}
local sessions = KEYS[1]
local secret_hash, idle_ms = ARGV[1], tonumber(ARGV[2])
-- @include "sessions.lua"

local text = redis.call('HGET', sessions, secret_hash)
if not text then return { 'unknown' } end
local now = now_ms()
local session = parse_session(text)
if session.expires <= now then
  redis.call('HDEL', sessions, secret_hash)
  return { 'unknown' }
end
session.used = now
session.expires = math.min(now + idle_ms, session.ends)
redis.call('HSET', sessions, secret_hash, session_text(session))
redis.call('PEXPIREAT', sessions, string.format('%.0f', session.expires), 'GT')
return { 'live', session.member, string.format('%.0f', session.expires) }
