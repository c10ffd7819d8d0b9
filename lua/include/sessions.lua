-- A player's sessions: one hash for a tag, which few players share, and in it a text for each session.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function session_text(session)
  local times = string.format('%.0f %.0f %.0f %.0f', session.expires, session.ends, session.created, session.used)
  return times .. ' ' .. session.how .. ' ' .. session.member
end

-- What cannot be read, such as the text of an older version, is over.
local function parse_session(text)
  local expires, ends, created, used, how, member = string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%l+) (.*)$')
  if not expires then return { expires = 0 } end
  return {
    expires = tonumber(expires),
    ends = tonumber(ends),
    created = tonumber(created),
    used = tonumber(used),
    how = how,
    member = member,
  }
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
