/** A season process of its own, which the operating system ends at the step that it is told: run by `test/seasons/killed-rollover.test.ts`. */
import { commandConnection } from "./builders.ts";
import { type AnyStep, SeasonProcess } from "./season-run.ts";

/** What its parent asks for, one after another. */
export type Ask = { work: "turn" | "archive"; board: string; nowMs: number };
/** What it says: that it can be asked, that a step was taken, that what was asked for is done. */
export type Said = "ready" | "done" | { step: AnyStep };

const [url = "", diesAt = ""] = process.argv.slice(2);
const redis = await commandConnection(url);
const clock = { nowMs: 0 };
const own = new SeasonProcess(redis, clock);

own.onStep = async (step) => {
  await say({ step });
  if (step !== diesAt) return;
  process.kill(process.pid, "SIGKILL");
  // The signal needs a moment: nothing more is done until it comes.
  await new Promise(() => undefined);
};

process.on("message", ({ work, board, nowMs }: Ask) => {
  clock.nowMs = nowMs;
  const asked = work === "turn" ? own.turn(board) : own.archive(board, async () => "archived");
  void asked.then(() => say("done"));
});
process.on("disconnect", () => process.exit());
await say("ready");

function say(said: Said): Promise<void> {
  return new Promise((told) => process.send!(said, () => told()));
}
