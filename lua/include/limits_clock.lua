-- The time of the limits: Redis's own, so that gateways whose clocks differ count alike; a test may name another.

-- Microseconds since the Unix epoch. `manual` is empty for Redis's clock, else milliseconds.
local function now_us(manual)
  if manual ~= '' then return tonumber(manual) * 1000 end
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
