-- What was: every frame of every feed with the top that it belongs to, and now and then what a rank index said. Instants are ms since the
-- Unix epoch by Redis's clock, and never go back within a life.

-- The feed of one life, in parts that follow each other: whole tops, and the frames after them. Bodies: archive/feed-parts.ts.
create table feed_parts (
  life int not null,
  -- 1, 2, 3, … in the order of the feed.
  part bigint not null,
  -- top: the whole top, as of first_offset. frames: those from first_offset to last_offset, each after the one before.
  kind text not null,
  epoch text not null,
  first_offset bigint not null,
  last_offset bigint not null,
  first_at bigint not null,
  last_at bigint not null,
  -- Of a top behind frames that nobody has: from then on, until first_at, nothing is known.
  gap_from bigint,
  body bytea not null,
  primary key (life, part)
);

create index feed_parts_top on feed_parts (life, first_at, part) where kind = 'top';
create index feed_parts_gap on feed_parts (life, part) where gap_from is not null;

-- Up to where a feed is in the parts: it changes with them in one transaction, so that each frame is there once.
create table feed_positions (
  life int primary key,
  part bigint not null,
  epoch text not null,
  last_offset bigint not null,
  last_at bigint not null,
  -- Frames since the last whole top, and its instant.
  frames bigint not null,
  top_at bigint not null,
  -- Everything that was published until then is in the parts.
  seen_at bigint not null
);

-- A rank index as it was: thinned, so that an hour of them is small. Body: rank-index/index-frame.ts, deflated.
create table rank_samples (
  life int not null,
  at bigint not null,
  body bytea not null,
  primary key (life, at)
);
