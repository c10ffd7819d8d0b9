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
  /** ZSET member → sort key. */
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
};

const shardKeysCache = new Map<string, readonly ShardKeys[]>();

/** The keys of every shard of one season, by shard number. */
export function shardKeys(board: string, season: number, shards: number): readonly ShardKeys[] {
  const id = `${board}.${season}.${shards}`;
  let keys = shardKeysCache.get(id);
  if (!keys) {
    keys = Array.from({ length: shards }, (_, shard) => keysOfTag(shardTag(board, season, shard, shards)));
    if (shardKeysCache.size > 20_000) shardKeysCache.clear();
    shardKeysCache.set(id, keys);
  }
  return keys;
}

/** A tag whose slot lies in the shard's own share of the slots: about `shards` tries. */
function shardTag(board: string, season: number, shard: number, shards: number): string {
  for (let suffix = 0; ; suffix++) {
    const tag = `${board}.${season}.${shard}.${suffix}`;
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
  };
}

/** The feed of one season of a board. */
export function feedKeys(board: string, season: number): FeedKeys {
  const key = (name: string): string => `rw:{${board}}:${season}:${name}`;
  return { state: key("feed"), top: key("top"), frames: key("frames"), channel: key("channel") };
}

/** The merger's lease of a board and its last fencing token, in the feed's slot. */
export function leaseKeys(board: string): { lease: string; token: string } {
  return { lease: `rw:{${board}}:lease`, token: `rw:{${board}}:token` };
}

export function sessionKey(tag: string, secretHash: string): string {
  return `rw:{s.${tag}}:session:${secretHash}`;
}

/** Boards and their current seasons: HASH board → record, and a version that grows with every change. */
export const registryKeys = { boards: "rw:{boards}:records", version: "rw:{boards}:version" } as const;

/** ZSET board → time of its last announced activity, in ms. */
export const activeKey = "rw:active";

/** Channel on which ingest says that a board is dirty: a hint, nothing depends on it. */
export const hintChannel = "rw:hints";

/** Channel of one subscriber connection's liveness probe. */
export function probeChannel(id: string): string {
  return `rw:probe:${id}`;
}
