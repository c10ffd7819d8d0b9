-- The events of a submit call. Nothing is copied out of ARGV: the blocks of the call are read where they are.

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

-- The events come in blocks: all members, all ids, all metadata, all holds, then the payloads.
-- @return the batch without its `apply`, and where the payloads begin
local function read_blocks(rule, count, fields)
  local batch = { count = count, before_members = FIRST_EVENT - 1, tells_all = rule == 'add' }
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
  if string.find(fields, 'h', 1, true) then
    batch.before_holds = at
    at = at + count
  end
  return batch, at
end

-- What a command says of each member of the batch: ZMSCORE, or HMGET.
local function of_members(command, key, batch)
  return redis.call(command, key, unpack(ARGV, FIRST_EVENT, batch.before_members + batch.count))
end
