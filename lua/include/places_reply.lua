-- What a command says of each member from the second argument on, with the shard's n: one instant.
local function places_reply(command, key, meta, incarnation)
  local state = redis.call('HMGET', meta, 'incarnation', 'n')
  if state[1] ~= incarnation then return { 'store_lost' } end
  local keys = #ARGV > 1 and redis.call(command, key, unpack(ARGV, 2))
  local reply = { 'places', state[2] }
  for i = 1, #ARGV - 1 do reply[i + 2] = keys[i] or '' end
  return reply
end
