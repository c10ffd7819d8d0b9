-- A player's sessions: one hash for a tag, which few players share, and in it a text for each session.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- "createdMs endsMs usedMs idleMs how member", where ends and used count from the creation and idle from the last use. Short on purpose:
-- Redis keeps a hash whose values all have at most 64 bytes in 160 bytes less (`hash-max-listpack-value`).
local function session_text(session)
  local created, used = session.created, session.used
  local times = string.format('%.0f %.0f %.0f %.0f', created, session.ends - created, used - created, session.expires - used)
  return times .. ' ' .. session.how .. ' ' .. session.member
end

-- What cannot be read, such as the text of an older version, is over.
local function parse_session(text)
  local created, ends, used, idle, how, member = string.match(text, '^(%d+) (%d+) (%-?%d+) (%-?%d+) (%l) (.*)$')
  if not created then return { expires = 0 } end
  created = tonumber(created)
  local used_at = created + tonumber(used)
  return {
    expires = used_at + tonumber(idle),
    ends = created + tonumber(ends),
    created = created,
    used = used_at,
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
