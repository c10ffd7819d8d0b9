-- End one session of a player, found by how its hash begins. Others whose names share the tag keep theirs [R 11].
--
-- KEYS[1] sessions  hash  secretHash -> a session's text, see include/sessions.lua
-- ARGV[1] member    string
-- ARGV[2] id        string, the beginning of the hash, or all of it
-- Flags allow-oom
-- Reply {"revoked", count} of those that were live
local sessions = KEYS[1]
local member, id = ARGV[1], ARGV[2]
-- @include "sessions.lua"

local revoked = 0
local own = prune(sessions, member, now_ms())
for _, session in ipairs(own) do
  if string.sub(session.secret_hash, 1, #id) == id then
    redis.call('HDEL', sessions, session.secret_hash)
    revoked = revoked + 1
  end
end
return { 'revoked', revoked }
