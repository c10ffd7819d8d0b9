-- The live sessions of one player; what is over is removed on the way. Looking does not count as use.
--
-- KEYS[1] sessions  hash  secretHash -> a session's text, see include/sessions.lua
-- ARGV[1] member    string
-- Reply {"sessions", secretHash, createdMs, usedMs, expiresMs, endsMs, how, …} six of each, in no order
local sessions = KEYS[1]
local member = ARGV[1]
-- @include "sessions.lua"

local reply = { 'sessions' }
local own = prune(sessions, member, now_ms())
for _, session in ipairs(own) do
  reply[#reply + 1] = session.secret_hash
  for _, time in ipairs({ session.created, session.used, session.expires, session.ends }) do
    reply[#reply + 1] = string.format('%.0f', time)
  end
  reply[#reply + 1] = session.how
end
return reply
