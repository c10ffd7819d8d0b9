-- A player's sessions: one hash for a tag, which few players share, and in it a text for each session.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function session_text(expires, ends, member)
  return string.format('%.0f %.0f %s', expires, ends, member)
end

local function parse_session(text)
  local expires, ends, member = string.match(text, '^(%d+) (%d+) (.*)$')
  return { expires = tonumber(expires), ends = tonumber(ends), member = member }
end

-- Remove what is over. Returns the live sessions of one member, and when the last of all ends.
local function prune(sessions, member, now)
  local all, own, last = redis.call('HGETALL', sessions), {}, 0
  for i = 1, #all, 2 do
    local session = parse_session(all[i + 1])
    if session.expires <= now then
      redis.call('HDEL', sessions, all[i])
    else
      last = math.max(last, session.expires)
      session.secret_hash = all[i]
      if session.member == member then own[#own + 1] = session end
    end
  end
  return own, last
end
