-- Who plays and who may call: API keys, devices that sign in, profiles.

create table api_keys (
  id text primary key,
  name text not null,
  role text not null check (role in ('read', 'server', 'admin')),
  -- Boards that the key may touch: ids, or prefixes that end in '*'. Empty: all.
  scopes text[] not null default '{}',
  -- SHA-256 of the secret; after a rotation the one before is good until previous_until.
  secret_hash bytea not null,
  previous_hash bytea,
  previous_until timestamptz,
  created_at timestamptz not null default now(),
  rotated_at timestamptz,
  revoked_at timestamptz
);

create table devices (
  -- SHA-256 of the device's secret.
  device_hash bytea primary key,
  member text not null,
  -- False once it is linked to a named player.
  anonymous boolean not null,
  created_at timestamptz not null default now(),
  linked_at timestamptz
);

create index devices_member on devices (member);

create table profiles (
  -- Byte order, as everywhere in Rankwire.
  member text collate "C" primary key,
  -- Grows with every change of the member's profile, also over its removal.
  version bigint not null,
  display_name text,
  avatar_url text,
  country text,
  extra jsonb,
  -- The row of a removed profile stays, so that its version never goes back.
  removed boolean not null default false,
  updated_at timestamptz not null default now()
);
