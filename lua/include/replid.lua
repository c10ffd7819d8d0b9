-- The id of this Redis's replication history: it changes whenever acknowledged writes may have been lost (promotion, restart).
local function replid()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end
