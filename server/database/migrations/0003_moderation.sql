-- What moderation adds: audit rows know the call that they are of and what came of it; members banned from all boards.

-- One row a call: what was meant is written before it is done, what came of it after; whichever of the two comes again changes nothing.
alter table audit add column request text;
-- `done`, or the code of the error; null: the process died in between, and whether it was done is not known.
alter table audit add column outcome text;

create unique index audit_request on audit (request);
create index audit_actor on audit (actor, id);
create index audit_action on audit (action, id);

create sequence ban_versions;

create table bans (
  member text collate "C" primary key,
  -- hide or shadow.
  mode text not null,
  until timestamptz,
  reason text,
  actor text not null,
  banned_at timestamptz not null default now(),
  -- Grows with every change of any ban; an older one never overwrites a newer.
  version bigint not null default nextval('ban_versions'),
  -- applying: its entries are being hidden, board by board; active; lifting: they are being shown, and then the row goes.
  state text not null,
  -- The last board that was done.
  progress text collate "C"
);

create index bans_at on bans (banned_at, member);
