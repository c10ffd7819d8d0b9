/** HTTP batches of a game server at a fixed pace, every result checked; one batch in ten is sent twice, as after a lost answer. */
import exec from "k6/execution";
import { checkCounted, checkDuplicates, type Line, post, SCORE_MAX } from "../lib/batches.ts";
import { counted } from "../lib/metrics.ts";
import { calls, planOf } from "../lib/plan.ts";
import { createBoard, type Run, startRun } from "../lib/run.ts";

export { handleSummary } from "../lib/summary.ts";

const { name, sizes, options: optionsOf } = planOf("ingest-server");
const REPEAT_EVERY = 10;

export const options = optionsOf({
  batches: calls(sizes.rate, "batches", { startS: 0, seconds: sizes.seconds }),
});

export function setup(): Run {
  return startRun(createBoard(name, { operator: "set" }));
}

export function batches({ board }: Run): Promise<void> {
  return counted(async () => {
    const call = exec.scenario.iterationInTest;
    const lines = ownLines(call);
    checkCounted(lines, post(board, lines));
    if (call % REPEAT_EVERY === 0) checkDuplicates(lines, post(board, lines));
  });
}

/** A VU sends one batch after the other, so that nobody writes its members at the same time. */
function ownLines(call: number): Line[] {
  return Array.from({ length: sizes.batch }, (_, i) => ({
    member: `vu${exec.vu.idInTest}-${i}`,
    score: Math.floor(Math.random() * SCORE_MAX),
    id: `${call}-${i}`,
  }));
}
