-- The next entries of a shard's score log for the archiver, oldest first, and how far the log has come by now. First what anybody has read and
-- not acknowledged: the board's lease says that whoever it was is gone, and if it is not, the tables skip what it brings again [R 13].
-- Only in the season's own life [R 3].
--
-- KEYS[1] log   stream
-- KEYS[2] meta  hash
-- ARGV[1] incarnation  string
-- ARGV[2] consumer     string
-- ARGV[3] count        integer
-- ARGV[4] mode         claim until there is nothing left to claim, then new
-- Flags allow-oom
-- Reply {"claimed", entries, n} | {"new", entries, n} | {"store_lost"}
local log, meta = KEYS[1], KEYS[2]
local incarnation, consumer, count, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local GROUP = 'archive'

local state = redis.call('HMGET', meta, 'incarnation', 'n')
if state[1] ~= incarnation then return { 'store_lost' } end

local function claim()
  local made = redis.pcall('XGROUP', 'CREATE', log, GROUP, '0')
  if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
  local from = '0-0'
  repeat
    local page = redis.call('XAUTOCLAIM', log, GROUP, consumer, 0, from, 'COUNT', count)
    if #page[2] > 0 then return page[2] end
    from = page[1]
  until from == '0-0'
  return {}
end

-- Consumers that have nothing left would stay for ever.
local function forget_consumers()
  for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', log, GROUP)) do
    if one[2] ~= consumer then redis.call('XGROUP', 'DELCONSUMER', log, GROUP, one[2]) end
  end
end

if mode == 'claim' then
  local claimed = claim()
  if claimed.err then return claimed end
  if #claimed > 0 then return { 'claimed', claimed, state[2] } end
  forget_consumers()
end
local read = redis.call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', count, 'STREAMS', log, '>')
return { 'new', read and read[1][2] or {}, state[2] }
