/** Watchers of a hot board while batches change it: every position in its place, and how late a score is seen. */
import exec from "k6/execution";
import type { Frame } from "../../../client-sdk/protocol/messages.ts";
import { type Line, post, randomLines, SCORE_MAX } from "../lib/batches.ts";
import {
  counted,
  countRefused,
  countWrong,
  frameLagMs,
  probesSeen,
  scores,
  socketsDone,
} from "../lib/metrics.ts";
import { argumentOf } from "../lib/packet.ts";
import { calls, crowd, planOf, shareOf } from "../lib/plan.ts";
import { inSteps, withSockets } from "../lib/players.ts";
import { createBoard, type Run, sleepUntil, startRun } from "../lib/run.ts";
import { ViewFollower } from "../lib/view-follower.ts";

export { handleSummary } from "../lib/summary.ts";

const { name, sizes, options: optionsOf } = planOf("fanout");
/** For the last frames to arrive. */
const DRAIN_MS = 2_000;
const LOAD_MS = (sizes.settle + sizes.seconds) * 1000;
const AT_MAX = 7_200_000;
/** In turn the best of the board; the next turn of one comes when its last row has long been seen. */
const PROBES = 20;

export const options = optionsOf({
  watchers: crowd(sizes.vus, "watchers", LOAD_MS + DRAIN_MS),
  writers: calls(sizes.rate, "writers", { startS: sizes.settle, seconds: sizes.seconds }),
});

export function setup(): Run {
  const columns = [
    { name: "score", max: SCORE_MAX },
    // When the row was sent, in ms since the start of the run: all clocks are this machine's.
    { name: "at", max: AT_MAX },
  ];
  return startRun(createBoard(name, { operator: "set", columns }));
}

export function watchers(run: Run): Promise<void> {
  return withSockets(async () => {
    const all = shareOf(sizes.watchers, sizes.vus).map(
      (i) => new ViewFollower(run.board, i % 2 === 0 ? 10 : 100),
    );
    await inSteps(all, (watcher) => watcher.open());
    // One in four reads whole frames: to parse them all would measure k6.
    all.forEach((watcher, i) => {
      let next = i;
      watcher.onFrame = (event) => {
        if (next++ % 4 === 0) measureLag(run, event);
      };
    });
    await sleepUntil(run, LOAD_MS + DRAIN_MS);
    await inSteps(all, (watcher) => counted(() => checkEnd(watcher)));
  });
}

function measureLag({ startedAtMs }: Run, event: { json: string }): void {
  const nowMs = Date.now() - startedAtMs;
  for (const [member, , , at] of argumentOf<Frame>(event).set) {
    // Other rows may be old ones that moved up into the view.
    if (!member.startsWith("probe") || typeof at !== "number") continue;
    probesSeen.add(1);
    frameLagMs.add(nowMs - at);
  }
}

/** Nothing is under way any more: who asks from its position is told that nothing is missing. */
async function checkEnd(watcher: ViewFollower): Promise<void> {
  if (!watcher.isOpen) return countWrong("lost", "a watcher's connection");
  const reply = await watcher.ask();
  if (reply?.mode === "resume" && reply.frames.length === 0) socketsDone.add(1);
  else if (reply) countWrong("end", { mode: reply.mode });
}

export function writers({ board, startedAtMs }: Run): Promise<void> {
  return counted(async () => {
    const at = Date.now() - startedAtMs;
    const probe = { member: `probe${exec.scenario.iterationInTest % PROBES}`, score: SCORE_MAX };
    const lines: Line[] = [probe, ...randomLines(sizes.batch - 1)].map((line) => ({
      ...line,
      columns: { at },
    }));
    for (const result of post(board, lines)) {
      if (result.outcome === "rejected") countRefused("line", result.error);
      else scores.add(1);
    }
  });
}
