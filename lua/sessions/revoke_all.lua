-- End all sessions of one player. Others whose names share the tag keep theirs [R 11].
--
-- KEYS[1] sessions  hash  secretHash -> a session's text, see include/sessions.lua
-- ARGV[1] member    string
-- Flags allow-oom
-- Reply {"revoked", count} of those that were live
local sessions = KEYS[1]
local member = ARGV[1]
-- @include "sessions.lua"

local own = prune(sessions, member, now_ms())
for _, session in ipairs(own) do redis.call('HDEL', sessions, session.secret_hash) end
return { 'revoked', #own }
