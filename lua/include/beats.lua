-- Heartbeats: what each process said last of its connections, and until when that holds.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The sums of the beats that hold, the time when the last of them ends, and the processes whose beat has expired.
local function connected(beats, now)
  local sums = { connections = 0, players = 0, processes = 0, ends = 0, expired = {} }
  local flat = redis.call('HGETALL', beats)
  for i = 1, #flat, 2 do
    local ends, connections, players = string.match(flat[i + 1], '^(%d+) (%d+) (%d+)$')
    if tonumber(ends) <= now then
      table.insert(sums.expired, flat[i])
    else
      sums.connections = sums.connections + tonumber(connections)
      sums.players = sums.players + tonumber(players)
      sums.processes = sums.processes + 1
      sums.ends = math.max(sums.ends, tonumber(ends))
    end
  end
  return sums
end

local function connected_reply(sums)
  return { 'connected', sums.connections, sums.players, sums.processes }
end
