-- Webhooks: who is told of what happens, what there is to tell, how far the telling is, and what the top of a board was when it was last told of.

create table webhook_endpoints (
  id text primary key,
  url text not null,
  -- Types of events; empty: all.
  events text[] not null default '{}',
  -- Boards that it hears of: ids, or prefixes that end in '*'. Empty: all.
  boards text[] not null default '{}',
  description text,
  -- As it was given out: what signs has to know it. After a rotation the one before signs too, until previous_until.
  secret text not null,
  previous_secret text,
  previous_until timestamptz,
  created_at timestamptz not null default now(),
  rotated_at timestamptz,
  -- Since when it hears of what it hears of now: made, enabled, or told to listen to something else.
  listens_since timestamptz not null default now(),
  -- Nothing is sent to it, and no new event is meant for it, while this is set.
  disabled_at timestamptz
);

-- The outbox: an event commits with what it tells of.
create table webhook_events (
  seq bigint generated always as identity primary key,
  id text not null unique,
  type text not null,
  board text collate "C",
  season int,
  -- What happened, once: whoever tells of it again changes nothing.
  cause text not null,
  payload jsonb not null,
  at timestamptz not null default now(),
  unique (type, cause)
);

create index webhook_events_at on webhook_events (at);

-- One event for one endpoint; made with the event, for the endpoints that listen then.
create table webhook_deliveries (
  seq bigint generated always as identity primary key,
  -- Random, and the same over all attempts: the receiver knows by it what it has had.
  id text not null unique,
  event bigint not null references webhook_events on delete cascade,
  endpoint text not null references webhook_endpoints on delete cascade,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  -- Counted when they begin.
  attempts int not null default 0,
  -- The next attempt, at the earliest; the default is before any clock's now.
  next_at timestamptz not null default 'epoch',
  -- The attempt under way: who makes it, and until when nobody else does.
  lease text,
  lease_until timestamptz,
  -- Of the last attempt: HTTP status, if there was an answer, and what went wrong.
  last_status int,
  last_error text,
  created_at timestamptz not null default now(),
  -- When it was delivered, or given up.
  settled_at timestamptz,
  unique (event, endpoint)
);

create index webhook_deliveries_due on webhook_deliveries (endpoint, next_at) where state = 'pending';
create index webhook_deliveries_endpoint on webhook_deliveries (endpoint, state, seq);

-- Of seasons whose top somebody listens to: the best rows when it was last told of them.
create table top_watches (
  board text collate "C" not null,
  season int not null,
  -- In the feed.
  epoch text not null,
  "offset" bigint not null,
  -- How many of the best rows are watched; members are those, best first, and the first `firsts` of them had rank 1.
  size int not null,
  members text[] not null,
  firsts int not null,
  -- Grows with every change: who would go on from an older one is refused.
  version bigint not null default 1,
  updated_at timestamptz not null default now(),
  primary key (board, season)
);
