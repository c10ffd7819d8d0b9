-- How one event changes a packed key, which is one number.
-- best, set: events carry the whole new key. add: they carry digit deltas, added to the old key's digits with every
-- column held to its own range, so that none carries into its neighbour.
-- Text becomes a number by `+ 0`, which costs a third of a call to tonumber, and only once: what apply has read goes back to the caller.

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

local function read_events(rule, layout, count, fields)
  local shape = numbers(layout)
  local batch, at = read_blocks(rule, count, fields)
  if rule == 'add' then
    batch.apply = apply_add(shape, at, (#shape - 1) / 2 + (shape[1] > 1 and 1 or 0))
  else
    batch.apply = apply_whole(rule, shape[1], at)
  end
  return batch
end

-- What was accepted is what is added, unless some of it is hidden. Of a member that comes again the last word stands.
local function write_keys(entries, hidden, done, in_hidden)
  local adds, hidden_adds = done.logged, {}
  if in_hidden then
    adds = {}
    for i = 1, done.accepted do
      append_pair(in_hidden[done.events[i]] and hidden_adds or adds, done.logged[2 * i - 1], done.logged[2 * i])
    end
  end
  if #adds > 0 then redis.call('ZADD', entries, unpack(adds)) end
  if #hidden_adds > 0 then redis.call('ZADD', hidden, unpack(hidden_adds)) end
end
