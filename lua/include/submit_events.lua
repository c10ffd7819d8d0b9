-- Read the events of a submit call and give the function that applies one.
-- best, set: events carry the whole new key. add: they carry digit deltas, added to the old key's digits with every
-- column held to its own range, so that none carries into its neighbour.

local FIRST_EVENT = 8

local function numbers(text)
  local list = {}
  for word in string.gmatch(text, '%S+') do list[#list + 1] = tonumber(word) end
  return list
end

-- fmod is exact where floor(a / b) is not; a - fmod(a, b) divides without a rest.
local function columns_of(key, tie_radix)
  local value = tonumber(key)
  if tie_radix == 1 then return value end
  return value - math.fmod(value, tie_radix)
end

local function apply_whole(rule, tie_radix, payload)
  return function(e, old)
    local key = payload[e]
    if not old then return 'a', key end
    local new_columns, old_columns = columns_of(key, tie_radix), columns_of(old, tie_radix)
    if rule == 'best' then
      if new_columns < old_columns then return 'a', key end
    elseif new_columns ~= old_columns then
      return 'a', key
    end
    return 'u', old
  end
end

-- shape: tie radix, then radix and zero digit of each column.
local function apply_add(shape, first, stride)
  local tie_radix, columns = shape[1], (#shape - 1) / 2
  return function(e, old)
    local at = first + (e - 1) * stride
    local rest = old and columns_of(old, tie_radix) / tie_radix
    local key, weight, changed = 0, 1, not old
    for c = columns, 1, -1 do
      local radix, digit = shape[2 * c], shape[2 * c + 1]
      if old then
        digit = math.fmod(rest, radix)
        rest = (rest - digit) / radix
      end
      local delta = tonumber(ARGV[at + c - 1])
      if delta ~= 0 then
        digit = digit + delta
        changed = true
      end
      if digit < 0 or digit >= radix then return 'r', old end
      key = key + digit * weight
      weight = weight * radix
    end
    if not changed then return 'u', old end
    if tie_radix > 1 then key = key * tie_radix + tonumber(ARGV[at + columns]) end
    return 'a', string.format('%.17g', key)
  end
end

local function read_events(rule, layout, fields)
  local shape = numbers(layout)
  local batch = { members = {} }
  local with_ids = string.find(fields, 'i', 1, true) and 1 or 0
  local with_metadata = string.find(fields, 'm', 1, true) and 1 or 0
  local width = 1
  if rule == 'add' then width = (#shape - 1) / 2 + (shape[1] > 1 and 1 or 0) end
  local stride = 1 + with_ids + with_metadata + width
  batch.ids = with_ids == 1 and {} or nil
  batch.metadata = with_metadata == 1 and {} or nil
  local payload, count = {}, 0
  for at = FIRST_EVENT, #ARGV, stride do
    count = count + 1
    batch.members[count] = ARGV[at]
    if with_ids == 1 then batch.ids[count] = ARGV[at + 1] end
    if with_metadata == 1 then batch.metadata[count] = ARGV[at + 1 + with_ids] end
    payload[count] = ARGV[at + stride - 1]
  end
  batch.count = count
  if rule == 'add' then
    batch.apply = apply_add(shape, FIRST_EVENT + stride - width, stride)
  else
    batch.apply = apply_whole(rule, shape[1], payload)
  end
  return batch
end
