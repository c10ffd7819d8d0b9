-- What goes into the score log beside submissions, by kind: put, hide, shadow, show, remove. d has the key that each member has after it
-- ('' for none), o the one before.

local function write_direct(meta, log, bounds, state, batch)
  state.n = write_log(meta, log, bounds, state, batch)
  return state.n
end

local KIND_OF_SIGHT = { [0] = 'show', 'hide', 'shadow' }

-- Who sees whom from now on, gathered by kind: one log entry each, in the order show, hide, shadow; so each member at most once.
local function log_of_sights()
  local by_sight = {}
  local function note(sight, member, key)
    local batch = by_sight[sight] or { kind = KIND_OF_SIGHT[sight], logged = {}, befores = {} }
    by_sight[sight] = batch
    append_pair(batch.logged, key, member)
    batch.befores[#batch.befores + 1] = key
  end
  local function write(meta, log, bounds, state)
    for sight = 0, 2 do
      if by_sight[sight] then write_direct(meta, log, bounds, state, by_sight[sight]) end
    end
    return state.n
  end
  return note, write
end
