-- Store a board's record if it is still the one that the writer has read, and let every process know by the version.
--
-- KEYS[1] boards   hash    board -> record
-- KEYS[2] version  string  grows with every change of any board
-- ARGV[1] board     string
-- ARGV[2] expected  record as it was read, empty for none
-- ARGV[3] record    text
-- Reply {"saved"} | {"conflict"}
local boards, version = KEYS[1], KEYS[2]
local board, expected, record = ARGV[1], ARGV[2], ARGV[3]

if (redis.call('HGET', boards, board) or '') ~= expected then return { 'conflict' } end
redis.call('HSET', boards, board, record)
-- Never below the time, so that a store that was emptied does not come to the same version again.
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', version) or '0')
redis.call('SET', version, string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1)))
return { 'saved' }
