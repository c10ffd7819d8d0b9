-- Places in one ZSET: by sort key, then by member bytes, which is the order in which Redis lists equal scores.

-- Byte-wise, as Redis compares members; Lua's own < on strings follows the locale (strcoll).
local function bytes_before(a, b)
  local length = math.min(#a, #b)
  for i = 1, length do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function count_better(entries, key)
  return redis.call('ZCOUNT', entries, '-inf', '(' .. key)
end

-- How many entries come before (key, member), present or not: ZCOUNT, then a binary search in the equal-key group. O(log N) range reads.
local function count_before(entries, key, member)
  local low = count_better(entries, key)
  local high = low + redis.call('ZCOUNT', entries, key, key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local at = redis.call('ZRANGE', entries, middle, middle)[1]
    if bytes_before(at, member) then low = middle + 1 else high = middle end
  end
  return low
end

-- Members without the placeholder of open_shard.
local function members_in(entries)
  return redis.call('ZCARD', entries) - 1
end
