-- [R 2] Batches of one producer to one shard apply in sequence, each once. The last four packed replies are kept so that a
-- batch whose reply was lost gets the original one; an older one gets its members' keys as they are.

local REPLIES_KEPT = 4

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function reply_field(producer, seq)
  return 'r:' .. producer .. ':' .. (seq % REPLIES_KEPT)
end

-- nil when the batch is the next one, else the reply to give.
local function check_sequence(call, mark, batch)
  local meta, producer, seq = call.meta, call.producer, call.seq
  local last = mark and tonumber(string.match(mark, '^%d+')) or 0
  if seq == last + 1 then return nil end
  if seq > last then return { 'gap', string.format('%.0f', last) } end
  local packed = redis.call('HGET', meta, reply_field(producer, seq))
  if packed and string.match(packed, '^%d+') == string.format('%.0f', seq) then return { 'applied', packed } end
  local keys = of_members(call.read, call.keys, batch)
  for i = 1, batch.count do keys[i] = keys[i] or '' end
  return { 'duplicate', table.concat(keys, ',') }
end

-- Forget producers that have been idle for long; run when a new one appears, so that their number stays bounded.
local function forget_idle(meta, now, idle_ms)
  for _, field in ipairs(redis.call('HKEYS', meta)) do
    local producer = string.match(field, '^p:(.+)$')
    local mark = producer and redis.call('HGET', meta, field)
    if mark and now - tonumber(string.match(mark, '%d+$')) > idle_ms then
      redis.call('HDEL', meta, field)
      for slot = 0, REPLIES_KEPT - 1 do redis.call('HDEL', meta, reply_field(producer, slot)) end
    end
  end
end

local function remember_batch(meta, producer, seq, packed, now, limits)
  if seq == 1 then forget_idle(meta, now, tonumber(string.match(limits, '(%d+)$'))) end
  redis.call('HSET', meta, 'p:' .. producer, string.format('%.0f %.0f', seq, now), reply_field(producer, seq), packed)
end
