/** What the running deployment takes, part by part, beside what the plan says for as many members, sessions and boards as it has. */
import type { Database } from "../database/database.ts";
import { type TableSize, tableSizes } from "../database/table-sizes.ts";
import { type KeyUsage, type KindUsage, sampleKeys } from "../redis/key-samples.ts";
import { type NodeMemory, readMemory } from "../redis/memory.ts";
import type { RedisStore } from "../redis/store.ts";
import { type CapacityBounds, planCapacity } from "./capacity-plan.ts";

export type LivePart = {
  part: string;
  keys: number;
  /** Members, fields, entries or bytes of those keys. */
  elements: number;
  bytes: number;
  /** Where the plan can say it without knowing the rate of submissions. */
  plannedBytes?: number;
};

export type LiveCapacity = {
  nodes: NodeMemory[];
  parts: LivePart[];
  /** Names there are, names looked at, and keys measured with MEMORY USAGE: what the parts stand on. */
  sampled: { keys: number; seen: number; measured: number };
  /** Undefined while the embedded database is not open. */
  tables: TableSize[] | undefined;
};

/** How much of the store is looked at: below a tenth of a second of Redis's time for an answer. */
const LIMITS = { keysMax: 50_000, measuredMax: 200 };

const PARTS: Readonly<Record<string, string>> = {
  entries: "entries",
  hidden: "entries",
  places: "entries",
  log: "score log",
  "ids-now": "dedup ids",
  "ids-before": "dedup ids",
  frames: "feed frames",
  top: "published top",
  index: "rank index",
  sessions: "sessions",
  limits: "limits",
  counters: "counters",
  profile: "profile cache",
  foreign: "not Rankwire's",
};
/** What boards have beside all that. */
const REST = "boards";

export type LiveNeeds = {
  redis: RedisStore;
  /** Where profiles are cached, if that is another Redis. */
  cache?: RedisStore;
  database: Database;
  /** Open an embedded database that nobody has needed yet. */
  openDatabase: boolean;
  bounds: CapacityBounds;
};

/** @throws AppError unavailable, or what Redis throws */
export async function measureLive(needs: LiveNeeds): Promise<LiveCapacity> {
  const stores = [needs.redis, ...(needs.cache ? [needs.cache] : [])];
  const nodes = (await Promise.all(stores.map(readMemory))).flat();
  const usages: KeyUsage[] = [];
  for (const store of stores) usages.push(await sampleKeys(store, LIMITS));
  const kinds = usages.flatMap((usage) => usage.kinds);
  const asked = needs.openDatabase || needs.database.isOpen;
  const sum = (count: (usage: KeyUsage) => number): number =>
    usages.reduce((all, usage) => all + count(usage), 0);
  return {
    nodes,
    parts: partsOf(kinds, needs.bounds),
    sampled: {
      keys: sum(({ keys }) => keys),
      seen: sum(({ seen }) => seen),
      measured: kinds.reduce((all, { measured }) => all + measured, 0),
    },
    tables: asked ? await tableSizes(needs.database) : undefined,
  };
}

function partsOf(kinds: readonly KindUsage[], bounds: CapacityBounds): LivePart[] {
  const parts = new Map<string, LivePart>();
  for (const { kind, keys, elements, bytes } of kinds) {
    const part = PARTS[kind] ?? REST;
    const sum = parts.get(part) ?? { part, keys: 0, elements: 0, bytes: 0 };
    sum.keys += keys;
    sum.bytes += bytes;
    // A wide board's member is in two of its keys, and counts once.
    if (kind !== "places" && kind !== "hidden") sum.elements += elements;
    parts.set(part, sum);
  }
  const planned = plannedBytes(kinds, bounds);
  return [...parts.values()]
    .map((part) => {
      const bytes = planned.get(part.part);
      return bytes === undefined ? part : { ...part, plannedBytes: bytes };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

const PLANNED = new Set(["entries", "boards", "published top", "rank index", "sessions", "profile cache"]);

/** The plan's answer to the numbers that were found. */
function plannedBytes(kinds: readonly KindUsage[], bounds: CapacityBounds): Map<string, number> {
  const of = (kind: string): KindUsage =>
    kinds.find((usage) => usage.kind === kind) ?? { kind, keys: 0, elements: 0, bytes: 0, measured: 0 };
  const [entries, places] = [of("entries"), of("places")];
  const boards = Math.max(1, of("feed").keys);
  const question = {
    // Every key holds a placeholder.
    members: Math.max(0, entries.elements - entries.keys),
    sessions: of("sessions").elements,
    profiles: of("profile").keys,
    boards,
    shards: Math.max(1, Math.round(entries.keys / boards)),
    wide: places.elements - places.keys > (entries.elements - entries.keys) / 2,
    columns: 2,
    rate: 0,
    ids: false,
    idBytes: 12,
    seasons: 0,
    meanRate: 0,
    logDays: 0,
  };
  const { parts } = planCapacity(question, bounds);
  return new Map(
    parts.filter(({ part, store }) => store === "redis" && PLANNED.has(part)).map((p) => [p.part, p.bytes]),
  );
}
