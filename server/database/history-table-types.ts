/** The tables of history as TypeScript sees them: what `migrations/0008_history.sql` makes. `bigint` is read as a number. */

export type HistoryTables = {
  feed_parts: {
    life: number;
    part: number;
    kind: "top" | "frames";
    epoch: string;
    first_offset: number;
    last_offset: number;
    first_at: number;
    last_at: number;
    gap_from: number | null;
    body: Buffer;
  };
  feed_positions: {
    life: number;
    part: number;
    epoch: string;
    last_offset: number;
    last_at: number;
    frames: number;
    top_at: number;
    seen_at: number;
  };
  rank_samples: { life: number; at: number; body: Buffer };
};
