-- One entry of the score log per batch that changed something; what is returned is n as it then is. Fields: n, the batch's gapless number; d, key and member of each
-- accepted event; o, the key before each, empty where there was none; i, their ids where there are any; m, their metadata where there is any; b, the bytes that were
-- logged before it. Joined by tabs, which members cannot hold, and which metadata has as \t (and \ as \\). Lists side by side and not a line per event: a line is a string to build and hash for
-- every event.
-- The log is bounded in entries and in bytes. Where it is full, LOG_FULL=gap drops the oldest entries (the archiver sees the hole in n), and LOG_FULL=refuse
-- refuses the batch before anything is written. Meta knows the bytes ever logged and those before the oldest entry that is left: `logged` and `trimmed`.

-- What an entry takes beside its fields' text, about.
local ENTRY_BYTES = 100

local function read_log_limits(limits)
  local entries_max, bytes_max, full = string.match(limits, '^%d+ %d+ (%d+) (%d+) (%a+)')
  return { entries_max = tonumber(entries_max), bytes_max = tonumber(bytes_max), refuses = full == 'refuse' }
end

-- Meta as it is, for `log_is_full` and `write_log`: its n, logged and trimmed. Shards of older versions have no bytes.
local function log_state(n, logged, trimmed)
  return { n = tonumber(n), logged = tonumber(logged or '0'), trimmed = tonumber(trimmed or '0') }
end

-- The bytes before the oldest entry that is left.
local function bytes_before_oldest(log, state)
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if not oldest then return state.logged end
  for i = 1, #oldest[2], 2 do
    if oldest[2][i] == 'b' then return tonumber(oldest[2][i + 1]) end
  end
  return 0
end

local function log_is_full(log, bounds, state)
  if not bounds.refuses then return false end
  return state.logged - state.trimmed >= bounds.bytes_max or redis.call('XLEN', log) >= bounds.entries_max
end

-- A quarter at a time, so that its price is spread over many batches.
local function drop_oldest(log, bounds, state)
  state.trimmed = bytes_before_oldest(log, state)
  local length = redis.call('XLEN', log)
  while length > 1 and state.logged - state.trimmed > bounds.bytes_max do
    length = math.floor(length * 3 / 4)
    redis.call('XTRIM', log, 'MAXLEN', length)
    state.trimmed = bytes_before_oldest(log, state)
  end
end

local ESCAPED = { ['\\'] = '\\\\', ['\t'] = '\\t' }

local function escaped(list)
  for i, text in ipairs(list) do list[i] = string.gsub(text, '[\\\t]', ESCAPED) end
  return list
end

local function write_log(meta, log, bounds, state, batch)
  if #batch.befores == 0 then return state.n end
  local n = state.n + 1
  local data, befores = table.concat(batch.logged, '\t'), table.concat(batch.befores, '\t')
  local entry = { 'n', n, 'b', string.format('%.0f', state.logged), 'd', data, 'o', befores }
  local bytes = ENTRY_BYTES + #data + #befores
  local function add(name, list)
    if not list then return end
    local text = table.concat(list, '\t')
    append_pair(entry, name, text)
    bytes = bytes + #text
  end
  add('i', batch.log_ids)
  add('m', batch.log_metadata and escaped(batch.log_metadata))
  if batch.kind then append_pair(entry, 'k', batch.kind) end
  if bounds.refuses then
    redis.call('XADD', log, '*', unpack(entry))
  else
    redis.call('XADD', log, 'MAXLEN', '~', bounds.entries_max, '*', unpack(entry))
  end
  state.logged = state.logged + bytes
  if not bounds.refuses and state.logged - state.trimmed > bounds.bytes_max then drop_oldest(log, bounds, state) end
  redis.call('HSET', meta, 'n', n, 'logged', string.format('%.0f', state.logged), 'trimmed', string.format('%.0f', state.trimmed))
  return n
end
