-- How long a script has been at work, for callers that keep to a share of Redis's time.

-- Microseconds since a reply of TIME.
local function us_since(started)
  local now = redis.call('TIME')
  return (now[1] - started[1]) * 1000000 + (now[2] - started[2])
end
