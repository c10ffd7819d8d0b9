-- Drop frames from the front that are older than the retention, or too many bytes in all; the newest always stays. A few per call,
-- more while the bytes are over, so that one append is never long.
local function trim_frames(frames, bytes, oldest_ms, bytes_max)
  local budget = 8
  while budget > 0 do
    local head = redis.call('XRANGE', frames, '-', '+', 'COUNT', 2)
    if #head < 2 then break end
    local fields = head[1][2]
    if bytes <= bytes_max and tonumber(fields[4]) >= oldest_ms then break end
    redis.call('XDEL', frames, head[1][1])
    bytes = bytes - #fields[2]
    if bytes <= bytes_max then budget = budget - 1 end
  end
  return bytes
end
