-- What carry.lua and carry_wide.lua share. `call` holds what the caller was given, as in submit_steps.lua, and `mark`, `expected`, `after`: up to which
-- place of a shard of the season before everything has come here. Each page is applied by the mark that it follows, so once [R 18].

-- nil when the page may be applied, else the reply to give.
local function check_page(call)
  local state = redis.call('HMGET', call.meta, 'incarnation', 'state', 'cutoff', 'hidden', call.mark, 'n', 'logged', 'trimmed')
  if state[1] ~= call.incarnation then return { 'store_lost' } end
  if (state[5] or '') ~= call.expected then return { 'elsewhere', state[5] or '' } end
  if state[2] ~= 'open' then return { 'season_closed' } end
  call.bounds, call.logs = read_log_limits(call.limits), log_state(state[6], state[7], state[8])
  if log_is_full(call.log, call.bounds, call.logs) then return { 'log_full' } end
  call.cutoff, call.hides = tonumber(state[3]), state[4] ~= '0'
end

-- A value that was set in the new season stands over the one that is carried.
local function only_absent(batch)
  local apply = batch.apply
  batch.apply = function(e, old)
    if old then return 'u', old end
    return apply(e, old)
  end
end

local function finish_page(call, done)
  done.kind = 'carry'
  redis.call('HSET', call.meta, call.mark, call.after)
  if done.dirty then redis.call('HINCRBY', call.meta, 'version', 1) end
  local n = write_log(call.meta, call.log, call.bounds, call.logs, done)
  if done.in_hidden then log_hidden_from_the_start(call, done, n) end
  return { 'carried', done.accepted }
end
