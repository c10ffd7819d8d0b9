-- Which of two keys of a shard is the better one. `tie` says what of a key is the tie time and is left out: its radix on packed boards (1
-- leaves out nothing), its letters at the end of the rest on wide ones (0 leaves out nothing).
-- Bytes are compared as Redis compares members: Lua's own < on strings follows the locale.

local function text_order(a, b)
  if a == b then return 0 end
  local length = math.min(#a, #b)
  for i = 1, length do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x - y end
  end
  return #a - #b
end

-- @return a function of two keys: below 0 where the first is better, 0 where they are the same
local function comparer_of(wide, tie)
  if not wide then
    return function(a, b)
      a, b = a + 0, b + 0
      if tie > 1 then a, b = a - math.fmod(a, tie), b - math.fmod(b, tie) end
      return a - b
    end
  end
  local function parted(key)
    local space = string.find(key, ' ', 1, true)
    return string.sub(key, 1, space - 1) + 0, string.sub(key, space + 1, -tie - 1)
  end
  return function(a, b)
    local score_a, rest_a = parted(a)
    local score_b, rest_b = parted(b)
    if score_a ~= score_b then return score_a - score_b end
    return text_order(rest_a, rest_b)
  end
end
