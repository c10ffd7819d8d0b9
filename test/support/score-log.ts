/** A shard's score log read from its start, entry by entry, as the archiver reads it: what the entries then are, and that no batch is missing. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import type { Sight } from "../../server/leaderboard/direct-writes.ts";

/** The text of its key, and who sees it. */
export type MirroredEntry = { key: string; sight: Sight };
export type Mirror = Map<string, MirroredEntry>;

const SIGHT_OF_KIND: Record<string, Sight> = { show: 0, hide: 1, shadow: 2 };

/** Fails where a batch number is left out, or where an entry says another key before it than the one that it has. */
export async function mirrorFromLog(redis: Redis, log: string): Promise<{ mirror: Mirror; n: number }> {
  const mirror: Mirror = new Map();
  let n = 0;
  // Without the placeholder.
  for (const [, flat] of (await redis.xrange(log, "-", "+")).slice(1)) {
    const fields = fieldsOf(flat);
    expect(Number(fields.get("n"))).toBe(++n);
    apply(mirror, fields);
  }
  return { mirror, n };
}

function fieldsOf(flat: string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(flat[i]!, flat[i + 1]!);
  return fields;
}

function apply(mirror: Mirror, fields: Map<string, string>): void {
  const pairs = fields.get("d")!.split("\t");
  const befores = fields.get("o")!.split("\t");
  const kind = fields.get("k") ?? "submit";
  befores.forEach((before, i) => {
    const [key, member] = [pairs[2 * i]!, pairs[2 * i + 1]!];
    expect(mirror.get(member)?.key ?? "").toBe(before);
    if (key === "") mirror.delete(member);
    else mirror.set(member, { key, sight: SIGHT_OF_KIND[kind] ?? mirror.get(member)?.sight ?? 0 });
  });
}
