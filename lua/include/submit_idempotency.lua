-- [R 5] The shard remembers hashes of (member, id) in two sets that rotate every dedup window, so an id is known for at least
-- one window. Full is refused, never forgotten early.

local function rotate(ids_now, ids_before, meta, window_ms, rotated, now)
  if now - tonumber(rotated) < window_ms then return end
  -- First what Redis refuses when its memory is full: it looks at no write of a script after the first one.
  redis.call('HSET', meta, 'rotated', string.format('%.0f', now))
  redis.call('UNLINK', ids_before)
  redis.call('RENAME', ids_now, ids_before)
  redis.call('SADD', ids_now, '')
end

-- For each event whether its id is known already; 'full' when the window holds no more ids.
local function check_ids(batch, ids_now, ids_before, meta, limits, rotated, now)
  local before, count = batch.before_ids, batch.count
  local window_ms, ids_max = string.match(limits, '^(%d+) (%d+)')
  rotate(ids_now, ids_before, meta, tonumber(window_ms), rotated, now)
  local known = redis.call('SMISMEMBER', ids_now, unpack(ARGV, before + 1, before + count))
  -- A window without an id, which is the first one and any after a pause, need not be asked.
  local in_before = redis.call('SCARD', ids_before) > 1
    and redis.call('SMISMEMBER', ids_before, unpack(ARGV, before + 1, before + count))
  local new = 0
  for e = 1, count do
    known[e] = known[e] == 1 or (in_before and in_before[e] == 1)
    if not known[e] and ARGV[before + e] ~= '' then new = new + 1 end
  end
  if new > 0 and redis.call('SCARD', ids_now) - 1 + new > tonumber(ids_max) then return 'full' end
  return known
end
