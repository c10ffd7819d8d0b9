/** All sockets are closed at once while the board goes on changing, and come back with full jitter and their positions. */
import { post, randomLines } from "../lib/batches.ts";
import {
  cameBack,
  connectFailed,
  counted,
  countRefused,
  countWrong,
  liveAgainMs,
  socketsDone,
} from "../lib/metrics.ts";
import { calls, crowd, planOf, shareOf } from "../lib/plan.ts";
import { inSteps, withSockets } from "../lib/players.ts";
import { createBoard, type Run, sleepMs, sleepUntil, startRun } from "../lib/run.ts";
import { ViewFollower } from "../lib/view-follower.ts";

export { handleSummary } from "../lib/summary.ts";

const { name, sizes, options: optionsOf } = planOf("reconnect-storm");
const LOAD_S = sizes.settle + sizes.rounds * sizes.every;
const FILL = 2_000;
const JITTER_MAX_MS = 30_000;
const VIEWS = [10, 100, "all"] as const;

export const options = optionsOf({
  watchers: crowd(sizes.vus, "watchers", LOAD_S * 1000),
  writers: calls(sizes.rate, "writers", { startS: 1, seconds: LOAD_S }),
});

export function setup(): Run {
  const board = createBoard(name, { operator: "set" });
  post(board, randomLines(FILL));
  return startRun(board);
}

export function watchers(run: Run): Promise<void> {
  return withSockets(async () => {
    const mine = shareOf(sizes.watchers, sizes.vus);
    const all = mine.map((i) => new ViewFollower(run.board, VIEWS[i % VIEWS.length]!));
    await inSteps(all, (watcher) => watcher.open());
    for (let round = 0; round < sizes.rounds; round++) {
      await sleepUntil(run, (sizes.settle + round * sizes.every) * 1000);
      const closedAtMs = Date.now();
      for (const watcher of all) watcher.close();
      const untilMs = closedAtMs + Math.max(JITTER_MAX_MS, sizes.every * 1000);
      await Promise.all(all.map((watcher) => counted(() => comeBack(watcher, { closedAtMs, untilMs }))));
    }
    await sleepUntil(run, LOAD_S * 1000);
    for (const watcher of all) {
      if (watcher.isOpen) socketsDone.add(1);
      else countWrong("lost", "a watcher's connection");
    }
  });
}

/** As [P-13] says: a random wait up to a cap, which doubles with each attempt. */
async function comeBack(
  watcher: ViewFollower,
  { closedAtMs, untilMs }: { closedAtMs: number; untilMs: number },
): Promise<void> {
  for (let cap = sizes.jitter; Date.now() < untilMs; cap = Math.min(JITTER_MAX_MS, cap * 2)) {
    await sleepMs(Math.random() * cap);
    try {
      await watcher.open();
      liveAgainMs.add(Date.now() - closedAtMs);
      return cameBack.add(1);
    } catch {
      connectFailed.add(1);
      watcher.close();
    }
  }
  countWrong("storm", "a watcher did not come back");
}

export function writers({ board }: Run): Promise<void> {
  return counted(async () => {
    for (const result of post(board, randomLines(sizes.batch))) {
      if (result.outcome === "rejected") countRefused("line", result.error);
    }
  });
}
