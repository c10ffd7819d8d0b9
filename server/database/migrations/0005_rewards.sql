-- Rewards of seasons that are over: how far the granting is, by which rules, and what each member was given.

-- When everything that the season's end brings was granted and told.
alter table seasons add column rewarded_at timestamptz;

-- What was archived by a version that knew no rewards had none.
update seasons set rewarded_at = archived_at;

create index seasons_unrewarded on seasons (archived_at) where archived_at is not null and rewarded_at is null;

-- One row for a season with rules, from the first reward on: it changes with the rewards, in one transaction.
create table reward_runs (
  board text collate "C" not null,
  season int not null,
  -- Shown entries when it began: what percents are of.
  shown bigint not null,
  -- Everything up to this place of the final table is done.
  ordinal bigint not null default 0,
  -- Shown entries up to there, and the last one's rank: as the table has it, and as it was counted.
  passed bigint not null default 0,
  stored_rank bigint not null default 0,
  rank bigint not null default 0,
  granted bigint not null default 0,
  began_at timestamptz not null,
  primary key (board, season)
);

-- What the rules give that a season had at its end.
create table reward_rules (
  board text collate "C" not null,
  season int not null,
  rule text collate "C" not null,
  reward jsonb not null,
  primary key (board, season, rule)
);

create table rewards (
  board text collate "C" not null,
  season int not null,
  member text collate "C" not null,
  rule text collate "C" not null,
  -- Of the final table.
  ordinal bigint not null,
  -- As it was shown then.
  rank bigint not null,
  granted_at timestamptz not null,
  claimed_at timestamptz,
  revoked_at timestamptz,
  primary key (board, season, member)
);

create unique index rewards_ordinal on rewards (board, season, ordinal);
create index rewards_member on rewards (member, granted_at desc, board, season);
