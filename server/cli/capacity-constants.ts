/**
 * What one unit of each part takes, in bytes: the constants of the memory planner, in one table.
 *
 * `test/capacity/capacity-constants.test.ts` measures each anew on a real Redis and PostgreSQL and holds it within 10 %. Redis's hash tables
 * double, so no constant contains its share of one: the plan adds 8 bytes for every slot, and there are as many as the next power of two.
 * Measured with Redis 7.0 and jemalloc, ids of 12 bytes, scores of up to 2^53 − 1.
 */

export type Unit = {
  bytes: number;
  /** One of what. */
  per: string;
  /** How it was measured. */
  how: string;
};

const inOrder = "in the order of the archiver, relation size with indexes";
const another = "the same with 11 letters behind the key, the difference";
const deleted = "by what deleting the part gives back";

export const UNITS = {
  slot: { bytes: 8, per: "slot of a hash table", how: "a pointer; part of every measurement below" },
  entry: {
    bytes: 101,
    per: "member of a packed board",
    how: `30,000 submissions, ${deleted}, without slots`,
  },
  wideEntry: {
    bytes: 197,
    per: "member of a wide board with one wide column",
    how: "the same, `entries` and `places`",
  },
  wideColumn: {
    bytes: 21,
    per: "member and further wide column",
    how: "the difference of four columns to one, a third of it",
  },
  logEvent: {
    bytes: 56,
    per: "accepted event in the score log",
    how: `3,000 batches of one event, and 300 of 100, ${deleted}`,
  },
  logId: { bytes: 20, per: "id in the score log", how: "300 batches of 100 with ids, beside those without" },
  id: { bytes: 64, per: "remembered id", how: `30,000 submissions, ${deleted}, without slots` },
  frame: { bytes: 91, per: "frame of a feed", how: `3,000 frames of one row, ${deleted}` },
  frameRow: { bytes: 51, per: "changed row in a frame", how: "300 frames of 50 rows beside them" },
  topRow: { bytes: 103, per: "row of a published top", how: `1,000 rows, ${deleted}, without slots` },
  boundary: { bytes: 12.4, per: "boundary of a rank index", how: `an index of 1,000, ${deleted}` },
  board: {
    bytes: 5_270,
    per: "board, beside its shards",
    how: "60 boards of 1 shard and 60 of 16, by growth",
  },
  shard: { bytes: 5_490, per: "shard of a board", how: "60 boards of 1 shard and 60 of 16, by growth" },
  session: {
    bytes: 250,
    per: "session of a player who has one",
    how: "16,000 sign-ins, by growth, without slots",
  },
  longSession: {
    bytes: 405,
    per: "session whose player's id has more than 16 bytes",
    how: "16,000 sign-ins of ids of 30 bytes, by growth, without slots, less what longer ids take",
  },
  window: {
    bytes: 162,
    per: "caller in a fixed window",
    how: "16,000 hashes of that shape, by growth, without slots",
  },
  counts: {
    bytes: 224,
    per: "hash of counters",
    how: "16,000 hashes of six counters, by growth, without slots",
  },
  playersOfDay: {
    bytes: 14_400,
    per: "board and day of unique players",
    how: `20,000 players, ${deleted}`,
  },
  profile: {
    bytes: 512,
    per: "cached profile of 150 bytes of JSON",
    how: "16,000 hashes of that shape, by growth, without slots",
  },
  profileRow: {
    bytes: 168,
    per: "profile in PostgreSQL",
    how: "20,000 rows with name, avatar and country, relation size with indexes",
  },
  deviceRow: { bytes: 193, per: "device in PostgreSQL", how: "20,000 rows, relation size with indexes" },
  keyRow: { bytes: 168, per: "API key in PostgreSQL", how: "20,000 rows, relation size with indexes" },
  currentRow: {
    bytes: 180,
    per: "member's present entry in PostgreSQL",
    how: `20,000 rows ${inOrder}`,
  },
  currentRest: { bytes: 20, per: "present entry and 64-bit column of a wide board", how: another },
  finalRow: {
    bytes: 278,
    per: "entry of a final table in PostgreSQL",
    how: `20,000 rows ${inOrder}`,
  },
  finalRest: { bytes: 25, per: "entry of a final table and 64-bit column of a wide board", how: another },
  logRow: {
    bytes: 260,
    per: "change in the score log in PostgreSQL",
    how: `20,000 rows ${inOrder}`,
  },
  logRest: { bytes: 23, per: "change in the score log and 64-bit column of a wide board", how: another },
} as const satisfies Record<string, Unit>;

export type UnitName = keyof typeof UNITS;

/** The ids that the constants were measured with, in bytes. */
export const ID_BYTES = 12;
