/** What the scenarios measure beside k6's own. k6 wants them made before anything runs. */
import { Counter, Trend } from "k6/metrics";

/** From the start of the handshake until Socket.IO says connected. */
export const connectMs = new Trend("connect_ms", true);
/** From the send of one score to its acknowledgement. */
export const ackMs = new Trend("ack_ms", true);
/** From the send of one HTTP batch to its answer. */
export const batchMs = new Trend("batch_ms", true);
/** From just before the send of a batch to its row at a watcher. */
export const frameLagMs = new Trend("frame_lag_ms", true);
/** From the acknowledgement of an own score to the pushed rank that reflects it. */
export const rankLagMs = new Trend("rank_lag_ms", true);
/** From the moment when all sockets were closed until one of them follows again. */
export const liveAgainMs = new Trend("live_again_ms", true);

/** Scores that were acknowledged as counted. */
export const scores = new Counter("scores");
/** Repeated submissions that were recognised. */
export const duplicates = new Counter("duplicates");
export const frames = new Counter("frames");
export const gaps = new Counter("gaps");
export const probesSeen = new Counter("probes_seen");
/** Pushed ranks of all kinds, and those that reflect an own score. */
export const ranks = new Counter("ranks");
export const ownRanks = new Counter("own_ranks");
/** Own scores that no pushed rank reflected in time. */
export const rankMissing = new Counter("rank_missing");
export const cameBack = new Counter("came_back");
export const resumed = new Counter("resumed");
export const snapshots = new Counter("snapshots");
/** Attempts to connect that failed, and were repeated. */
export const connectFailed = new Counter("connect_failed");
/** Sockets that came to the end that the scenario has for them. */
export const socketsDone = new Counter("sockets_done");

/** Answers that are errors. */
const refused = new Counter("refused");
/** Answers that are not what the protocol promises. */
const wrong = new Counter("wrong");
/** Exceptions: k6 itself lets them pass. */
const broken = new Counter("broken");

const SAID_MAX = 5;
let said = 0;

function count(counter: Counter, what: string, details: unknown): void {
  counter.add(1, { what });
  // Of a flood, the first few of each VU say what it is.
  if (said++ < SAID_MAX) console.error(`${what}: ${JSON.stringify(details)}`);
}

export function countRefused(what: string, details: unknown): void {
  count(refused, what, details);
}

export function countWrong(what: string, details: unknown): void {
  count(wrong, what, details);
}

/** What fails inside is counted, so that a threshold sees it. */
export async function counted(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    count(broken, "failed", String(error));
  }
}
