-- What must outlive Redis: boards, seasons, the current entry of every member, the score log, final tables, who changed what.

create table boards (
  board text collate "C" primary key,
  -- The whole record as Redis has it; a copy with a lower revision never overwrites one with a higher.
  record jsonb not null,
  revision bigint not null,
  updated_at timestamptz not null default now()
);

create table seasons (
  board text collate "C" not null,
  season int not null,
  -- The board's rules as they were in this season.
  definition jsonb not null,
  opened_at timestamptz not null,
  -- When it stopped taking submissions.
  ended_at timestamptz,
  -- When its final table was complete.
  archived_at timestamptz,
  -- Of the final table, hidden ones among them.
  entries bigint,
  primary key (board, season)
);

-- A life of a season's data in Redis: the first begins with the season, a rebuild begins the next one [R 3].
create table lives (
  life int generated always as identity primary key,
  board text collate "C" not null,
  season int not null,
  -- 1 for the first life of a season.
  ordinal int not null,
  incarnation text not null unique,
  began_at timestamptz not null default now(),
  unique (board, season, ordinal)
);

-- Up to which batch of a shard's score log everything is in the tables: they change with it in one transaction [R 13].
create table shard_positions (
  life int not null references lives,
  shard smallint not null,
  n bigint not null,
  -- The log entry of that batch; '0-0' before the first one.
  entry_id text not null,
  at timestamptz not null,
  primary key (life, shard)
);

create table current_entries (
  board text collate "C" not null,
  season int not null,
  member text collate "C" not null,
  shard smallint not null,
  -- The sort key, smaller is better, and what wide boards have behind it.
  key double precision not null,
  rest text collate "C" not null default '',
  -- 0 visible, 1 hidden, 2 shadow.
  visibility smallint not null default 0,
  metadata text,
  -- The life and batch that this row is of; only a larger pair changes it [R 13].
  life int not null,
  n bigint not null,
  primary key (board, season, member)
) with (fillfactor = 80);

-- Every change of an entry, in order; kept as long as its board says.
create table score_log (
  life int not null,
  shard smallint not null,
  n bigint not null,
  -- Its place in the batch.
  item smallint not null,
  at timestamptz not null,
  member text collate "C" not null,
  -- submit, carry (from the season before), or what an admin did: put, hide, shadow, show, remove.
  kind text not null,
  -- Null where there was no entry, or is none any more.
  old_key double precision,
  old_rest text collate "C",
  key double precision,
  rest text collate "C",
  -- The hash under which the shard remembers (member, id).
  id_hash text,
  primary key (life, shard, n, item)
);

create index score_log_member on score_log (member, life, at);
create index score_log_at on score_log using brin (at);

-- Log entries that could not be read or stored; their members were mirrored from Redis instead.
create table dead_letters (
  id bigint generated always as identity primary key,
  life int not null,
  shard smallint not null,
  entry_id text not null,
  entry jsonb not null,
  error text not null,
  at timestamptz not null default now()
);

-- Batches that Redis had to drop before they were archived (LOG_FULL=gap): their changes are in current_entries, not in score_log.
create table log_gaps (
  life int not null,
  shard smallint not null,
  from_n bigint not null,
  to_n bigint not null,
  at timestamptz not null default now(),
  primary key (life, shard, from_n)
);

create table final_entries (
  board text collate "C" not null,
  season int not null,
  -- 1, 2, 3, … in the board's total order, hidden entries among them; rank is as the board's ties say.
  ordinal bigint not null,
  rank bigint not null,
  member text collate "C" not null,
  key double precision not null,
  rest text collate "C" not null,
  visibility smallint not null,
  metadata text,
  primary key (board, season, ordinal)
);

create unique index final_entries_member on final_entries (board, season, member);
create index final_entries_key on final_entries (board, season, key, rest, ordinal);
-- Hidden entries are few: what they take from the ranks behind them is counted when it is asked for.
create index final_entries_hidden on final_entries (board, season, ordinal) where visibility <> 0;

create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  -- The API key's id, `ADMIN_KEY`, `cli`, or the part of Rankwire that did it.
  actor text not null,
  action text not null,
  board text collate "C",
  season int,
  member text collate "C",
  reason text,
  details jsonb
);

create index audit_board on audit (board, id);
create index audit_member on audit (member, id);
