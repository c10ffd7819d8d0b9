-- One entry of the score log per batch that changed something; what is returned is n as it then is. Fields: n, the batch's gapless number; d, key and member of each
-- accepted event; o, the key before each, empty where there was none; i, their ids where there are any. Joined by tabs, which members
-- cannot hold. Lists side by side and not a line per event: a line is a string to build and hash for every event.
local function write_log(meta, log, limits, pairs_accepted, befores, ids)
  if #befores == 0 then return tonumber(redis.call('HGET', meta, 'n')) end
  local n = redis.call('HINCRBY', meta, 'n', 1)
  local entry = { 'n', n, 'd', table.concat(pairs_accepted, '\t'), 'o', table.concat(befores, '\t') }
  if ids then
    entry[7] = 'i'
    entry[8] = table.concat(ids, '\t')
  end
  redis.call('XADD', log, 'MAXLEN', '~', string.match(limits, '^%d+ %d+ (%d+)'), '*', unpack(entry))
  return n
end
