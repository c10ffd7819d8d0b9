/**
 * What the keys of a running store take, by kind: a bounded walk over the names, and `MEMORY USAGE` of some of each kind.
 *
 * Redis is asked for a little at a time and waited for, so that nobody else waits: a SCAN looks at some hundred names, and MEMORY USAGE
 * looks at a few elements of a key. Sizes are therefore estimates, and low by some percent where the allocator rounds up.
 */
import type { Redis } from "ioredis";
import { kindOfKey } from "./keys.ts";
import { masters } from "./slot-owners.ts";
import type { RedisStore } from "./store.ts";

export type SampleLimits = {
  /** Names that are looked at on each master; of more, what was seen stands for all. */
  keysMax: number;
  /** Keys of each kind and master that are measured; of more, their mean stands for all. */
  measuredMax: number;
};

export type KindUsage = {
  kind: string;
  /** Together, on all masters. */
  keys: number;
  /** Members, fields, entries or bytes, by the type of the key. */
  elements: number;
  bytes: number;
  /** Keys that were measured. */
  measured: number;
};

export type KeyUsage = { kinds: KindUsage[]; keys: number; seen: number };

const SCAN_COUNT = 250;
const AT_ONCE = 50;
const ELEMENTS_LOOKED_AT = 8;
const LENGTHS: Readonly<Record<string, string>> = {
  zset: "zcard",
  hash: "hlen",
  set: "scard",
  stream: "xlen",
  string: "strlen",
  list: "llen",
};

/** Of every master. @throws whatever the connection throws */
export async function sampleKeys(redis: RedisStore, limits: SampleLimits): Promise<KeyUsage> {
  const kinds = new Map<string, KindUsage>();
  let keys = 0;
  let seen = 0;
  for (const node of masters(redis)) {
    const own = await walk(node, limits);
    const size = await node.dbsize();
    keys += size;
    seen += own.seen;
    const share = own.whole || own.seen === 0 ? 1 : Math.max(1, size / own.seen);
    for (const [kind, { count, sample }] of own.kinds) {
      const found = await measure(node, sample);
      const factor = found.measured === 0 ? 0 : (count * share) / found.measured;
      const sum = kinds.get(kind) ?? { kind, keys: 0, elements: 0, bytes: 0, measured: 0 };
      sum.keys += Math.round(count * share);
      sum.elements += Math.round(found.elements * factor);
      sum.bytes += Math.round(found.bytes * factor);
      sum.measured += found.measured;
      kinds.set(kind, sum);
    }
  }
  return { kinds: [...kinds.values()].sort((a, b) => b.bytes - a.bytes), keys, seen };
}

type Walk = { kinds: Map<string, { count: number; sample: string[] }>; seen: number; whole: boolean };

/** The order of SCAN is that of the names' hashes, so what comes first is as good as any sample. */
async function walk(node: Redis, { keysMax, measuredMax }: SampleLimits): Promise<Walk> {
  const kinds: Walk["kinds"] = new Map();
  let seen = 0;
  let cursor = "0";
  do {
    const [next, names] = await node.scan(cursor, "COUNT", SCAN_COUNT);
    cursor = next;
    seen += names.length;
    for (const name of names) {
      const kind = kindOfKey(name);
      const own = kinds.get(kind) ?? { count: 0, sample: [] };
      own.count++;
      if (own.sample.length < measuredMax) own.sample.push(name);
      kinds.set(kind, own);
    }
  } while (cursor !== "0" && seen < keysMax);
  return { kinds, seen, whole: cursor === "0" };
}

type Measured = { bytes: number; elements: number; measured: number };

async function measure(node: Redis, sample: readonly string[]): Promise<Measured> {
  const sum: Measured = { bytes: 0, elements: 0, measured: 0 };
  for (let at = 0; at < sample.length; at += AT_ONCE) {
    const names = sample.slice(at, at + AT_ONCE);
    const first = node.pipeline();
    for (const name of names) first.memory("USAGE", name, "SAMPLES", ELEMENTS_LOOKED_AT).type(name);
    const told = (await first.exec()) ?? [];
    const second = node.pipeline();
    const bytes: number[] = [];
    names.forEach((name, i) => {
      const [size, type] = [told[2 * i]?.[1], told[2 * i + 1]?.[1]];
      const command = LENGTHS[String(type)];
      // One that has gone meanwhile, or has moved to another master, is left out.
      if (typeof size !== "number" || command === undefined) return;
      bytes.push(size);
      second.call(command, name);
    });
    const lengths = (await second.exec()) ?? [];
    bytes.forEach((size, i) => {
      sum.bytes += size;
      sum.elements += Number(lengths[i]?.[1] ?? 0) || 0;
      sum.measured++;
    });
  }
  return sum;
}
