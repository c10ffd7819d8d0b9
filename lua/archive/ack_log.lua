-- Entries of a score log are in the tables: acknowledge them, and drop from the log what is below the lowest entry that is pending or was not
-- delivered. Meta's `trimmed` follows: the bytes before the oldest entry that is left.
--
-- KEYS[1] log   stream
-- KEYS[2] meta  hash
-- ARGV[1] incarnation  string
-- ARGV[2...] ids       of the entries
-- Flags allow-oom
-- Reply {"acked", trimmed} | {"store_lost"}
local log, meta = KEYS[1], KEYS[2]
local incarnation = ARGV[1]
local GROUP = 'archive'

local state = redis.call('HMGET', meta, 'incarnation', 'logged')
if state[1] ~= incarnation then return { 'store_lost' } end
redis.call('XACK', log, GROUP, unpack(ARGV, 2))

local function id_after(id)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  return ms .. '-' .. string.format('%.0f', seq + 1)
end

-- Everything below it is archived.
local function lowest_needed()
  local pending = redis.call('XPENDING', log, GROUP)
  if pending[1] > 0 then return pending[2] end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', log)) do
    if group[2] == GROUP then
      for i = 1, #group, 2 do
        if group[i] == 'last-delivered-id' then return id_after(group[i + 1]) end
      end
    end
  end
  return '0'
end

local trimmed = redis.call('XTRIM', log, 'MINID', lowest_needed())
if trimmed > 0 then
  local bytes = state[2] or '0'
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  for i = 1, oldest and #oldest[2] or 0, 2 do
    if oldest[2][i] == 'b' then bytes = oldest[2][i + 1] end
  end
  redis.call('HSET', meta, 'trimmed', bytes)
end
return { 'acked', trimmed }
