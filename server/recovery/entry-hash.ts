/** How the entries of a shard are compared without listing them: a count, and a 64-bit hash that does not depend on their order. */
import xxhash from "xxhash-wasm";
import type { WholeEntry } from "../leaderboard/shard-restore.ts";

export type EntrySum = { count: number; hash: bigint };

export type EntryHasher = {
  /** Adds an entry to a sum. */
  add(sum: EntrySum, entry: WholeEntry): void;
};

export async function createEntryHasher(): Promise<EntryHasher> {
  const { h64 } = await xxhash();
  return {
    add: (sum, entry) => {
      sum.count++;
      sum.hash = BigInt.asUintN(64, sum.hash + h64(entryText(entry)));
    },
  };
}

/** The same text for the same entry, whatever form its key had where it was read. */
export function entryText({ member, key, rest, visibility }: WholeEntry): string {
  return `${member}\t${key}\t${rest}\t${visibility}`;
}

/** As reports show it: 16 hexadecimal digits. */
export function hashText({ hash }: EntrySum): string {
  return hash.toString(16).padStart(16, "0");
}
