-- The events of a submit call, and the function that applies one.
-- best, set: events carry the whole new key. add: they carry digit deltas, added to the old key's digits with every
-- column held to its own range, so that none carries into its neighbour.
-- Nothing is copied out of ARGV: the blocks of the call are read where they are. Text becomes a number by `+ 0`, which
-- costs a third of a call to tonumber, and only once: what apply has read goes back to the caller.

local FIRST_EVENT = 9
local fmod = math.fmod

local function append_pair(list, first, second)
  local length = #list
  list[length + 1] = first
  list[length + 2] = second
end

local function numbers(text)
  local list = {}
  for word in string.gmatch(text, '%S+') do list[#list + 1] = tonumber(word) end
  return list
end

-- fmod is exact where floor(a / b) is not; a - fmod(a, b) divides without a rest.
local function apply_whole(rule, tie_radix, before_payload)
  local is_set, ARGV = rule == 'set', ARGV
  return function(e, old)
    local key = ARGV[before_payload + e]
    local new = key + 0
    if not old then return 'a', key, new end
    local was = old + 0
    local new_columns, old_columns = new, was
    if tie_radix > 1 then
      new_columns, old_columns = new - fmod(new, tie_radix), was - fmod(was, tie_radix)
    end
    if new_columns < old_columns or (is_set and new_columns ~= old_columns) then return 'a', key, new, was end
    return 'u', old
  end
end

-- shape: tie radix, then radix and zero digit of each column.
local function apply_add(shape, before_payload, width)
  local tie_radix, columns, ARGV = shape[1], (#shape - 1) / 2, ARGV
  return function(e, old)
    local at = before_payload + (e - 1) * width
    local was = old and old + 0
    local rest = was
    if was and tie_radix > 1 then rest = (was - fmod(was, tie_radix)) / tie_radix end
    local key, weight, changed = 0, 1, not old
    for c = columns, 1, -1 do
      local radix, digit = shape[2 * c], shape[2 * c + 1]
      if rest then
        digit = rest
        if c > 1 then digit = fmod(rest, radix) end
        rest = (rest - digit) / radix
      end
      local delta = ARGV[at + c] + 0
      if delta ~= 0 then
        digit = digit + delta
        changed = true
      end
      if digit < 0 or digit >= radix then return 'r', old end
      key = key + digit * weight
      weight = weight * radix
    end
    if not changed then return 'u', old end
    if tie_radix > 1 then key = key * tie_radix + ARGV[at + width] end
    -- A whole number below 2^53: %d is exact for it, and a third of the price of %.17g.
    return 'a', string.format('%d', key), key, was
  end
end

-- The events come in blocks: all members, all ids, all metadata, then the payloads.
local function read_events(rule, layout, count, fields)
  local shape = numbers(layout)
  local batch = { count = count, before_members = FIRST_EVENT - 1 }
  local at = batch.before_members + count
  batch.repeats = string.find(fields, 'r', 1, true) ~= nil
  if string.find(fields, 'i', 1, true) then
    batch.before_ids = at
    at = at + count
  end
  if string.find(fields, 'm', 1, true) then
    batch.before_metadata = at
    at = at + count
  end
  if rule == 'add' then
    batch.apply = apply_add(shape, at, (#shape - 1) / 2 + (shape[1] > 1 and 1 or 0))
  else
    batch.apply = apply_whole(rule, shape[1], at)
  end
  return batch
end

-- What a command says of each member of the batch: ZMSCORE.
local function of_members(command, key, batch)
  return redis.call(command, key, unpack(ARGV, FIRST_EVENT, batch.before_members + batch.count))
end
