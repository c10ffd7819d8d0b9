-- How one event changes a wide key: "score rest". The score is the number that the ZSET orders by. The rest orders what has the same
-- score: a text of fixed length, of the other columns and the tie time, in 64 letters whose bytes are in the order of their values.
-- Bytes are compared by bytes_before, because Lua's own < on strings follows the locale.

local ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'
local byte, sub = string.byte, string.sub

local function score_text(key, rest_length)
  return sub(key, 1, -rest_length - 2)
end

local function rest_of(key, rest_length)
  return sub(key, #key - rest_length + 1)
end

local function digit_at(text, from, length)
  local digit = 0
  for i = from, from + length - 1 do
    local b = byte(text, i)
    digit = digit * 64 + (b >= 97 and b - 59 or b == 95 and 37 or b >= 65 and b - 54 or b >= 48 and b - 47 or 0)
  end
  return digit
end

local function digit_text(digit, length)
  local text = ''
  for _ = 1, length do
    local low = fmod(digit, 64)
    text = sub(ALPHABET, low + 1, low + 1) .. text
    digit = (digit - low) / 64
  end
  return text
end

-- The tie time, at the end of the rest, says nothing about which values are better.
local function apply_whole(rule, rest_length, tie_length, before_payload)
  local is_set, ARGV = rule == 'set', ARGV
  local function columns(key)
    return sub(key, #key - rest_length + 1, #key - tie_length)
  end
  return function(e, old)
    local key = ARGV[before_payload + e]
    local new = score_text(key, rest_length) + 0
    if not old then return 'a', key, new end
    local was = score_text(old, rest_length) + 0
    local better = new < was
    if new == was then
      local new_columns, old_columns = columns(key), columns(old)
      if new_columns == old_columns then return 'u', old end
      better = bytes_before(new_columns, old_columns)
    end
    if better or is_set then return 'a', key, new, was end
    return 'u', old
  end
end

-- shape: length of the rest, of the tie time in it, then radix, zero digit and length of each column; length 0 is in the score.
local function apply_add(shape, before_payload, width)
  local rest_length, tie_length, columns, ARGV = shape[1], shape[2], (#shape - 2) / 3, ARGV
  return function(e, old)
    local at = before_payload + (e - 1) * width
    local was = old and score_text(old, rest_length) + 0
    local head, from = was, old and #old - tie_length + 1
    local score, weight, rest, changed = 0, 1, '', not old
    for c = columns, 1, -1 do
      local radix, digit, length = shape[3 * c], shape[3 * c + 1], shape[3 * c + 2]
      if old and length > 0 then
        from = from - length
        digit = digit_at(old, from, length)
      elseif old then
        digit = head
        if c > 1 then digit = fmod(head, radix) end
        head = (head - digit) / radix
      end
      local delta = ARGV[at + c] + 0
      if delta ~= 0 then
        digit = digit + delta
        changed = true
      end
      if digit < 0 or digit >= radix then return 'r', old end
      if length > 0 then
        rest = digit_text(digit, length) .. rest
      else
        score = score + digit * weight
        weight = weight * radix
      end
    end
    if not changed then return 'u', old end
    local tie = tie_length > 0 and ARGV[at + width] or ''
    return 'a', string.format('%d ', score) .. rest .. tie, score, was
  end
end

local function read_events(rule, layout, count, fields)
  local shape = numbers(layout)
  local batch, at = read_blocks(rule, count, fields)
  if rule == 'add' then
    batch.apply = apply_add(shape, at, (#shape - 2) / 3 + (shape[2] > 0 and 1 or 0))
  else
    batch.apply = apply_whole(rule, shape[1], shape[2], at)
  end
  batch.rest_length = shape[1]
  return batch
end

-- By event the place of a hidden member, who stands behind a line feed.
local function hidden_places(places, batch)
  local asked = {}
  for e = 1, batch.count do asked[e] = '\n' .. ARGV[batch.before_members + e] end
  return redis.call('HMGET', places, unpack(asked))
end

-- The entry of a member stands under rest .. member, so another rest is another member of the ZSET: the old one goes. From the final
-- state of each member, or one that changed twice in the batch would stay under its rest in between.
-- Hidden members have only a field in places, behind a line feed, which no member begins with.
local function write_places(entries, places, batch, done, olds, in_hidden)
  local rest_length, logged, last = batch.rest_length, done.logged, batch.repeats and {}
  for i = 1, last and done.accepted or 0 do last[logged[2 * i]] = i end
  local removes, adds, fields = {}, {}, {}
  for i = 1, done.accepted do
    local key, member, e = logged[2 * i - 1], logged[2 * i], done.events[i]
    local apart = in_hidden and in_hidden[e]
    if not last or last[member] == i then append_pair(fields, apart and '\n' .. member or member, key) end
    if not apart and (not last or last[member] == i) then
      local rest, old = rest_of(key, rest_length), olds[e]
      local old_rest = old and rest_of(old, rest_length)
      if old and old_rest ~= rest then removes[#removes + 1] = old_rest .. member end
      append_pair(adds, score_text(key, rest_length), rest .. member)
    end
  end
  if #removes > 0 then redis.call('ZREM', entries, unpack(removes)) end
  if #adds > 0 then redis.call('ZADD', entries, unpack(adds)) end
  if #fields > 0 then redis.call('HSET', places, unpack(fields)) end
end
