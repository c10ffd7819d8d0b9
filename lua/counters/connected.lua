-- Who is connected now: the sums of the heartbeats that hold.
--
-- KEYS[1] beats  hash  process -> "untilMs connections players", expires
-- Reply {"connected", connections, players, processes}
local beats = KEYS[1]
-- @include "beats.lua"

return connected_reply(connected(beats, now_ms()))
