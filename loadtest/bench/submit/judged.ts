/** What score rules cost: Redis CPU of a submission to a board that is judged, against the same board without rules. */
import type { Redis } from "ioredis";
import { newId } from "../../../server/base/ids.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import type { BenchContext } from "../bench.ts";
import { withOperator } from "../boards.ts";
import { SCORE_MAX } from "../population.ts";
import { Turns } from "../statistics.ts";
import { BATCH, cpuOf, Events, type OneShard, sendBatches } from "./redis-cpu.ts";

const VARIANTS = ["none", "change", "all"] as const;
type Variant = (typeof VARIANTS)[number];

/** Rules that nobody breaks: what is measured is the judging. */
function boardsOf(open: OpenBoard): Record<Variant, OpenBoard> {
  const none = withOperator(open, "incr");
  const judged = (rules: object): OpenBoard => ({
    ...none,
    board: { ...none.board, rules: { signed: false, onViolation: "refuse", ...rules } },
  });
  const change = { maxChange: SCORE_MAX };
  const all = { ...change, maxChangePerMinute: SCORE_MAX };
  return { none, change: judged(change), all: judged(all) };
}

export async function measureJudged({ quick, say, report }: BenchContext, shard: OneShard): Promise<void> {
  const events = new Events(shard, () => "");
  const boards = boardsOf(shard.open);
  const batches = quick ? 20 : 300;
  const turns = new Turns<Variant>();
  for (let turn = 0; turn < (quick ? 2 : 9); turn++) {
    for (const variant of VARIANTS) {
      const us = await cpuOf(shard.redis, () => oneTurn(shard.redis, boards[variant], events, batches));
      turns.add(variant, us / (batches * BATCH));
    }
    say(`  turn ${turn + 1}: ${VARIANTS.map((v) => `${v} ${turns.last(v).toFixed(2)}`).join(", ")} µs`);
  }
  for (const variant of ["change", "all"] as const) {
    report(`redis-cpu.rules-${variant}`, {
      value: turns.median(variant),
      unit: "µs Redis CPU/event",
      baseline: turns.median("none"),
      ratio: turns.ratio("none", variant),
    });
  }
}

function oneTurn(redis: Redis, open: OpenBoard, events: Events, batches: number): () => Promise<void> {
  const made = Array.from({ length: batches }, () => events.batch("incr"));
  const producer = newId();
  return () => sendBatches(redis, open, producer, made);
}
