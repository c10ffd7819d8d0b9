-- How one shard stands, for the merger's poll: whether it changed at the top (version) or anywhere (n), and in which life of its
-- Redis, in one step: what is read and the history that it belongs to cannot come from two lives [R 7].
--
-- KEYS[1] entries  zset
-- KEYS[2] meta     hash
-- Reply {"state", "replid members incarnation version n"}; incarnation and what follows are missing when the shard is
local entries, meta = KEYS[1], KEYS[2]
-- @include "place.lua"
-- @include "replid.lua"

local state = redis.call('HMGET', meta, 'incarnation', 'version', 'n')
local text = replid() .. ' ' .. members_in(entries)
if state[1] then text = table.concat({ text, state[1], state[2], state[3] }, ' ') end
return { 'state', text }
