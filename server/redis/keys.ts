/**
 * Every key and channel name, with its hash tag. The only file that spells one.
 *
 * All keys of a shard share one tag, and so do all keys of a board's feed; a script touches one tag only. Plain
 * tags (`{board:3}`) land unevenly over the slots, so each shard's tag gets a suffix that puts it into its own
 * equal share of the 16,384 slots.
 */
import calculateSlot from "cluster-key-slot";

const SLOTS = 16_384;

export type ShardKeys = {
  /** ZSET member → sort key; on wide boards rest + member → score. */
  entries: string;
  /** ZSET of hidden members, counted nowhere. */
  hidden: string;
  /** HASH: incarnation, state, n, dirty version, cutoff, producers. */
  meta: string;
  /** STREAM: the score log. */
  log: string;
  /** SET of (member, id) hashes of the running dedup window, and of the one before. */
  idsNow: string;
  idsBefore: string;
  /** HASH member → metadata. */
  metadata: string;
  /** HASH member → "score rest", on wide boards; hidden members behind a line feed. On all boards the marks of hidden members, behind a carriage return. */
  places: string;
  /** HASH member → what the score rules remember of it; bounded by age. */
  rules: string;
  /** HASH id → a submission held for review; bounded by HELD_MAX. */
  held: string;
};

export type FeedKeys = {
  /** HASH: epoch, offset, start, replid, total, bytes, histories. */
  state: string;
  /** ZSET: the published top. */
  top: string;
  /** STREAM: frames, id = offset. */
  frames: string;
  /** Sharded pub/sub channel of the same slot. */
  channel: string;
  /** STRING: the last frame of the rank index, empty before the first one; and its channel. */
  index: string;
  indexChannel: string;
};

const shardKeysCache = new Map<string, readonly ShardKeys[]>();

/** The keys of every shard of one season, by shard number. */
export function shardKeys(board: string, season: number, shards: number): readonly ShardKeys[] {
  const id = `${board}.${season}.${shards}`;
  let keys = shardKeysCache.get(id);
  if (!keys) {
    keys = Array.from({ length: shards }, (_, shard) =>
      keysOfTag(tagInShare(`${board}.${season}.${shard}`, shard, shards)),
    );
    if (shardKeysCache.size > 20_000) shardKeysCache.clear();
    shardKeysCache.set(id, keys);
  }
  return keys;
}

/** A tag whose slot lies in the shard's own share of the slots: about `shards` tries. */
function tagInShare(name: string, shard: number, shards: number): string {
  for (let suffix = 0; ; suffix++) {
    const tag = `${name}.${suffix}`;
    if (Math.floor((calculateSlot(tag) * shards) / SLOTS) === shard) return tag;
  }
}

function keysOfTag(tag: string): ShardKeys {
  const key = (name: string): string => `rw:{${tag}}:${name}`;
  return {
    entries: key("entries"),
    hidden: key("hidden"),
    meta: key("meta"),
    log: key("log"),
    idsNow: key("ids-now"),
    idsBefore: key("ids-before"),
    metadata: key("metadata"),
    places: key("places"),
    rules: key("rules"),
    held: key("held"),
  };
}

/** The feed of one season of a board. */
export function feedKeys(board: string, season: number): FeedKeys {
  const key = (name: string): string => `rw:{${board}}:${season}:${name}`;
  return {
    state: key("feed"),
    top: key("top"),
    frames: key("frames"),
    channel: key("channel"),
    index: key("index"),
    indexChannel: key("index-channel"),
  };
}

/** The merger's lease of a board and its last fencing token, in the feed's slot. */
export function leaseKeys(board: string): { lease: string; token: string } {
  return { lease: `rw:{${board}}:lease`, token: `rw:{${board}}:token` };
}

/** The leases of a board's rollover and of its seasons' way into the archive, in the feed's slot. */
export function seasonLeaseKeys(
  board: string,
  work: "rollover" | "archive",
): { lease: string; token: string } {
  return { lease: `rw:{${board}}:${work}-lease`, token: `rw:{${board}}:${work}-token` };
}

/** The archiver's lease of a board. */
export function logLeaseKeys(board: string): { lease: string; token: string } {
  return { lease: `rw:{${board}}:log-lease`, token: `rw:{${board}}:log-token` };
}

/** The lease under which one import at a time writes into a board. */
export function importLeaseKeys(board: string): { lease: string; token: string } {
  return { lease: `rw:{${board}}:import-lease`, token: `rw:{${board}}:import-token` };
}

/** STRING: how far an import has come, for who goes on with it; expires. */
export function importKey(board: string, id: string): string {
  return `rw:{${board}}:import:${id}`;
}

/** HASH secretHash → session: all sessions of the players whose names share the tag. */
export function sessionsKey(tag: string): string {
  return `rw:{s.${tag}}:sessions`;
}

/** HASH or ZSET of one limit on one caller: `hash` stands for a key, a player or an address. */
export function limitKey(limit: string, hash: string): string {
  return `rw:{l.${hash}}:${limit}`;
}

/** ZSET of the token buckets of one limit that fell to one of its slots. */
export function bucketsKey(limit: string, slot: number): string {
  return `rw:{l.${slot}}:${limit}`;
}

/** Over how many slots a counter is spread; a process adds to one of them, a reader sums them all. */
export const COUNTER_SHARDS = 8;

/** What is counted for all boards together; no board has an empty name. */
export const DEPLOYMENT = "";

export type CounterShardKeys = {
  /** HASH name → count, of all days and of one. */
  total: string;
  day: (day: number) => string;
  /** STRING: the number of a process's last flush. */
  lastFlush: (process: string) => string;
};

/** One shard of the counters of a board, or of the deployment. */
export function counterShardKeys(scope: string, shard: number): CounterShardKeys {
  const tag = tagInShare(`c.${scope}.${shard}`, shard, COUNTER_SHARDS);
  const key = (name: string): string => `rw:{${tag}}:${name}`;
  return {
    total: key("counts"),
    day: (day) => key(`counts:${day}`),
    lastFlush: (process) => key(`flush:${process}`),
  };
}

export type PresenceKeys = {
  /** HASH process → what it said of its connections. */
  beats: string;
  /** HASH: the most connections at once, ever and of one day. */
  peak: string;
  dayPeak: (day: number) => string;
  /** HyperLogLog: who played on a day. */
  players: (day: number) => string;
};

/** Who is and was there, of a board or of the deployment, in one slot. */
export function presenceKeys(scope: string): PresenceKeys {
  const key = (name: string): string => `rw:{c.${scope}}:${name}`;
  return {
    beats: key("beats"),
    peak: key("peak"),
    dayPeak: (day) => key(`peak:${day}`),
    players: (day) => key(`players:${day}`),
  };
}

/** Boards and their current seasons: HASH board → record, and a version that grows with every change. */
export const registryKeys = { boards: "rw:{boards}:records", version: "rw:{boards}:version" } as const;

/** HASH: the cached copy of a member's profile, its version, and who is filling it: one key, so that none outlives another. */
export function profileKey(member: string): string {
  return `rw:profile:${member}`;
}

/** Channel on which processes hear of changed profiles: nothing depends on it. */
export const profileChannel = "rw:profiles";

/** ZSET board → time of its last announced activity, in ms. */
export const activeKey = "rw:active";

/** ZSET board → until when a gateway wants its rank index, in ms. */
export const indexWantedKey = "rw:index-wanted";

/** Channel on which ingest says that a board is dirty: a hint, nothing depends on it. */
export const hintChannel = "rw:hints";

/** Channel on which it is said that API keys have changed: whoever hears it reads the table. */
export const keysChannel = "rw:keys";

/** STREAM: notes of admins' changes on their way to the audit trail. */
export const auditOutboxKey = "rw:audit-outbox";

/** HASH member → ban, with the version of the whole under the empty name. And the channel on which it is said that it has changed. */
export const bansKey = "rw:bans";
export const bansChannel = "rw:bans-changed";

/** STRING: of the table of webhook endpoints, another one after each change; `none` while it is empty. */
export const webhooksVersionKey = "rw:webhooks-version";

/** The lease under which one process at a time tells of changes at the top of boards, and its token. */
export const topEventsLeaseKeys = { lease: "rw:{top-events}:lease", token: "rw:{top-events}:token" } as const;

/** The lease under which one process at a time carries bans out, and its token. */
export const banLeaseKeys = { lease: "rw:{bans}:lease", token: "rw:{bans}:token" } as const;

/** The lease under which one process at a time grants rewards, and its token. And the channel on which it says that a season's are granted. */
export const rewardLeaseKeys = { lease: "rw:{rewards}:lease", token: "rw:{rewards}:token" } as const;
export const rewardsChannel = "rw:rewards-granted";

/** What the channels of the control plane begin with: two sharded channels, of no board. */
export const controlChannelPrefix = "rw:control";

/** Channel of one subscriber connection's liveness probe. */
export function probeChannel(id: string): string {
  return `rw:probe:${id}`;
}

/** By the beginning of a tag that holds no board: ids of boards have no dot. */
const KINDS_BY_TAG: Readonly<Record<string, string>> = { "s.": "sessions", "l.": "limits", "c.": "counters" };

/**
 * What a key holds, in the word that this file names it by: `entries`, `frames`, …; of sessions, limits and counters whatever they keep;
 * `foreign` when it is none of ours.
 */
export function kindOfKey(key: string): string {
  const [, tag = "", name = "foreign"] = /^rw:(?:\{([^}]*)\}:)?(?:\d+:)?([a-z-]+)/.exec(key) ?? [];
  return (tag[1] === "." && KINDS_BY_TAG[tag.slice(0, 2)]) || name;
}
