/** `fanout`: from an acknowledged submission to everybody who looks at the board, and what it costs when nothing happens. */
import type { Bench, BenchContext } from "../bench.ts";
import { measureBytes } from "./bytes.ts";
import { measureIdleBoards } from "./idle-boards.ts";
import { measureLatency } from "./latency.ts";
import { measureMergeTick } from "./merge-tick.ts";
import { measureSockets } from "./sockets.ts";

async function run(context: BenchContext): Promise<void> {
  await measureMergeTick(context);
  await measureLatency(context);
  await measureBytes(context);
  await measureSockets(context);
  await measureIdleBoards(context);
}

export const fanoutBench: Bench = {
  name: "fanout",
  summary: "the read path: merge tick, frame latency, bytes, reconnect storm, idle sockets and boards",
  run,
};
