-- [R 5] The shard remembers hashes of (member, id) in two sets that rotate every dedup window, so an id is known for at least
-- one window. Full is refused, never forgotten early.

local function log_entries_max(limits)
  return string.match(limits, '^%d+ %d+ (%d+)')
end

local function rotate(ids_now, ids_before, meta, window_ms, rotated, now)
  if now - tonumber(rotated) < window_ms then return end
  redis.call('UNLINK', ids_before)
  redis.call('RENAME', ids_now, ids_before)
  redis.call('SADD', ids_now, '')
  redis.call('HSET', meta, 'rotated', string.format('%.0f', now))
end

-- The hashes of the batch that are known already, as a table; 'full' when the window holds no more ids.
local function check_ids(batch, ids_now, ids_before, meta, limits, rotated, now)
  local known = {}
  if not batch.ids then return known end
  local window_ms, ids_max = string.match(limits, '^(%d+) (%d+)')
  rotate(ids_now, ids_before, meta, tonumber(window_ms), rotated, now)
  local in_now = redis.call('SMISMEMBER', ids_now, unpack(batch.ids))
  -- A window without an id, which is the first one and any after a pause, need not be asked.
  local in_before = redis.call('SCARD', ids_before) > 1 and redis.call('SMISMEMBER', ids_before, unpack(batch.ids))
  local new = 0
  for e = 1, batch.count do
    local id = batch.ids[e]
    if id ~= '' then
      if in_now[e] == 1 or (in_before and in_before[e] == 1) then known[id] = true else new = new + 1 end
    end
  end
  if new > 0 and redis.call('SCARD', ids_now) - 1 + new > tonumber(ids_max) then return 'full' end
  return known
end
