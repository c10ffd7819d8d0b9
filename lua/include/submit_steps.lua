-- The steps that submit.lua, submit_wide.lua and their judged sisters share. `call` holds what the caller was given: the keys meta, log, ids_now, ids_before,
-- metadata; incarnation, producer, seq, limits; and how a member's key is read: command `read` on the key `keys`.

-- nil when the batch may be applied, else the reply to give. Notes on `call` what the shard says: cutoff, hides, known, now.
local function check_batch(call, batch)
  local state = redis.call('HMGET', call.meta, 'incarnation', 'state', 'cutoff', 'hidden', 'rotated', 'p:' .. call.producer, 'n', 'logged', 'trimmed')
  if state[1] ~= call.incarnation then return { 'store_lost' } end
  local replay = check_sequence(call, state[6], batch)
  if replay then return replay end
  if state[2] ~= 'open' then return { 'season_closed' } end
  call.bounds, call.logs = read_log_limits(call.limits), log_state(state[7], state[8], state[9])
  if log_is_full(call.log, call.bounds, call.logs) then return { 'log_full' } end
  call.cutoff, call.hides, call.now = tonumber(state[3]), state[4] ~= '0', now_ms()
  call.known = batch.before_ids and check_ids(batch, call.ids_now, call.ids_before, call.meta, call.limits, state[5], call.now)
  if call.known == 'full' then return { 'overloaded' } end
end

-- The keys that hidden members of the batch have, by event; '' for one who has a mark (include/shelves.lua) and no entry yet, which is to
-- be hidden from the start. Notes on `call` the marks. Asked only where the shard has some.
local function with_marks(call, batch, places, in_hidden)
  local asked = {}
  for e = 1, batch.count do asked[e] = '\r' .. ARGV[batch.before_members + e] end
  call.marks = redis.call('HMGET', places, unpack(asked))
  for e = 1, batch.count do in_hidden[e] = in_hidden[e] or (call.marks[e] and '') end
  return in_hidden
end

-- What the events come to, in order. `olds` and `in_hidden` are the keys that were read, by event; of `in_hidden` there may be none.
-- Of each accepted event: `logged` key and member, `befores` the key before it or '', `events` its number.
local function apply_events(call, batch, olds, in_hidden)
  local cutoff, known, dirty = call.cutoff, call.known, false
  -- Tables of what the batch itself has changed, needed only where a member comes again.
  local current, used = batch.repeats and {}, batch.repeats and {}
  local statuses, keys, told = {}, {}, 0
  local logged, befores, events, accepted = {}, {}, {}, 0
  local new_ids, remembered, log_ids, new_metadata, log_metadata = {}, 0, {}, {}, {}
  local apply, tells_all, args = batch.apply, batch.tells_all, ARGV
  local before_members, before_ids, before_metadata = batch.before_members, batch.before_ids, batch.before_metadata
  for e = 1, batch.count do
    local member, id = args[before_members + e], before_ids and args[before_ids + e] or ''
    local apart = in_hidden and in_hidden[e]
    local old = current and current[member] or (apart ~= '' and apart) or olds[e]
    local status, key, new, was = 'd', old
    if id == '' or not (known[e] or used and used[id]) then
      status, key, new, was = apply(e, old)
      if id ~= '' and (status == 'a' or status == 'u') then
        remembered = remembered + 1
        new_ids[remembered] = id
        if used then used[id] = true end
      end
    end
    if status == 'a' then
      accepted = accepted + 1
      local pair = 2 * accepted
      logged[pair - 1] = key
      logged[pair] = member
      befores[accepted] = old or ''
      events[accepted] = e
      if before_ids then log_ids[accepted] = id end
      if current then current[member] = key end
      if not dirty and not apart then dirty = new <= cutoff or (was and was <= cutoff) end
      if before_metadata then
        local text = args[before_metadata + e]
        log_metadata[accepted] = text
        if text ~= '' then append_pair(new_metadata, member, text) end
      end
    end
    statuses[e] = status
    if status ~= 'a' or tells_all then
      told = told + 1
      keys[told] = key or ''
    end
  end
  return { statuses = statuses, keys = keys, logged = logged, befores = befores, events = events, accepted = accepted, dirty = dirty,
    new_ids = new_ids, log_ids = before_ids and log_ids, new_metadata = new_metadata, log_metadata = #new_metadata > 0 and log_metadata,
    in_hidden = in_hidden }
end

-- The log has said that they were submitted; what follows says that nobody sees them. @return n as it then is
local function log_hidden_from_the_start(call, done, n)
  local last = {}
  for i = 1, done.accepted do
    if done.in_hidden[done.events[i]] == '' then last[done.logged[2 * i]] = i end
  end
  local note_sight, write_sights = log_of_sights()
  for member, i in pairs(last) do note_sight(sight_of(call.marks[done.events[i]]), member, done.logged[2 * i - 1]) end
  call.logs.n = n
  return write_sights(call.meta, call.log, call.bounds, call.logs)
end

-- All that is written beside the entries. @return the reply
local function finish_batch(call, done)
  local meta = call.meta
  if #done.new_ids > 0 then redis.call('SADD', call.ids_now, unpack(done.new_ids)) end
  if #done.new_metadata > 0 then redis.call('HSET', call.metadata, unpack(done.new_metadata)) end
  local n = write_log(meta, call.log, call.bounds, call.logs, done)
  if done.in_hidden then
    n = log_hidden_from_the_start(call, done, n)
    -- Whoever asks for ranks is not to be told of them.
    for e, status in ipairs(done.statuses) do done.statuses[e] = done.in_hidden[e] and string.upper(status) or status end
  end
  if done.dirty then redis.call('HINCRBY', meta, 'version', 1) end
  local packed = table.concat({ call.seq, string.format('%.0f', n), done.dirty and 1 or 0,
    table.concat(done.statuses), table.concat(done.keys, ',') }, ' ')
  remember_batch(meta, call.producer, call.seq, packed, call.now, call.limits)
  return { 'applied', packed }
end
