-- Where the entries of a shard stand: in sight, or hidden and counted nowhere; on packed boards and on wide ones, whose keys are "score rest".
-- Who is hidden has a mark in places, behind a carriage return, which no member begins with: two digits, what was done to the member on
-- this board and what a ban does. 0 nothing, 1 hidden, 2 shadow; the ban's goes first. A mark may stand for a member without an entry:
-- what is submitted then is hidden from the start. `hidden` in meta is the number of marks.
local NO_MARK = '00'

local function append_pair(list, first, second)
  local length = #list
  list[length + 1] = first
  list[length + 2] = second
end

local function shelves_of(layout, entries, hidden, places, meta)
  return { wide = layout == 'wide', entries = entries, hidden = hidden, places = places, meta = meta }
end

local function score_of(shelves, key)
  return shelves.wide and string.match(key, '^%S+') or key
end

local function standing_under(shelves, key, member)
  return shelves.wide and string.sub(key, string.find(key, ' ', 1, true) + 1) .. member or member
end

-- @return its key or false, and its mark
local function look_up(shelves, member)
  local mark = redis.call('HGET', shelves.places, '\r' .. member) or NO_MARK
  local key = false
  if sight_of(mark) == 0 then
    key = shelves.wide and redis.call('HGET', shelves.places, member) or not shelves.wide and redis.call('ZSCORE', shelves.entries, member)
  else
    key = shelves.wide and redis.call('HGET', shelves.places, '\n' .. member) or not shelves.wide and redis.call('ZSCORE', shelves.hidden, member)
  end
  return key, mark
end

local function write_mark(shelves, member, was, mark)
  if was == mark then return end
  if mark == NO_MARK then
    redis.call('HDEL', shelves.places, '\r' .. member)
  else
    redis.call('HSET', shelves.places, '\r' .. member, mark)
  end
  local more = (mark == NO_MARK and 0 or 1) - (was == NO_MARK and 0 or 1)
  if more ~= 0 then redis.call('HINCRBY', shelves.meta, 'hidden', more) end
end

local function take_away(shelves, sight, member, key)
  if sight > 0 then
    if shelves.wide then return redis.call('HDEL', shelves.places, '\n' .. member) end
    return redis.call('ZREM', shelves.hidden, member)
  end
  if shelves.wide then redis.call('HDEL', shelves.places, member) end
  redis.call('ZREM', shelves.entries, standing_under(shelves, key, member))
end

-- `old` is the key that the member has on the same shelf, or false.
local function put_down(shelves, sight, member, key, old)
  if sight > 0 then
    if shelves.wide then return redis.call('HSET', shelves.places, '\n' .. member, key) end
    return redis.call('ZADD', shelves.hidden, key, member)
  end
  if shelves.wide then
    redis.call('HSET', shelves.places, member, key)
    local under = old and standing_under(shelves, old, member)
    if under and under ~= standing_under(shelves, key, member) then redis.call('ZREM', shelves.entries, under) end
  end
  redis.call('ZADD', shelves.entries, score_of(shelves, key), standing_under(shelves, key, member))
end

-- [R 6] Whether a key that came into sight or went out of it reaches the cutoff: the merger reads the shard anew then.
local function reaches(shelves, cutoff, key)
  return tonumber(score_of(shelves, key)) <= cutoff
end
