/** What the gateway counts. */

import { Counter, Gauge, type Registry } from "prom-client";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { VERSION } from "../base/version.ts";
import type { Counters } from "../counters/counters.ts";

export type GatewayMetrics = {
  submissions: Counter<"outcome">;
  sockets: Gauge;
  sseReaders: Gauge;
  framesSent: Counter;
  lagging: Counter;
  closedSlow: Counter;
  snapshotsSent: Counter;
  ranksSent: Counter;
  windowsSent: Counter;
};

export function createGatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const counter = (name: string, help: string): Counter =>
    new Counter({ name: `rankwire_${name}`, help, registers });
  const gauge = (name: string, help: string): Gauge =>
    new Gauge({ name: `rankwire_${name}`, help, registers });
  new Gauge({
    name: "rankwire_build_info",
    help: "1, with the version that runs",
    labelNames: ["version"],
    registers,
  }).set({ version: VERSION }, 1);
  return {
    submissions: new Counter({
      name: "rankwire_submissions_total",
      help: "Submissions by outcome",
      labelNames: ["outcome"],
      registers,
    }),
    sockets: gauge("sockets", "Connected sockets"),
    sseReaders: gauge("sse_readers", "Connected server-sent-event readers"),
    framesSent: counter(
      "frames_sent_total",
      "Frames made for views, each encoded once however many receive it",
    ),
    lagging: counter("sockets_lagging_total", "Times a socket fell behind and was taken out of its room"),
    closedSlow: counter("sockets_closed_slow_total", "Sockets closed because they stayed behind"),
    snapshotsSent: counter("snapshots_sent_total", "Snapshots sent to subscribers"),
    ranksSent: counter("ranks_sent_total", "Ranks pushed to those who follow a member"),
    windowsSent: counter("windows_sent_total", "Live windows pushed"),
  };
}

/**
 * Results by outcome, added on the way to the metric and to the board's counters.
 * @param members who submitted, in the order of the results; of those that were refused nobody needs to know
 */
export function countOutcomes(
  { counters: { submissions }, boardCounters }: { counters: GatewayMetrics; boardCounters: Counters },
  board: string,
  results: readonly SubmissionResult[],
  members: (index: number) => string,
): Record<SubmissionResult["outcome"], number> {
  const counts = { accepted: 0, unchanged: 0, duplicate: 0, held: 0, rejected: 0 };
  const played: string[] = [];
  results.forEach(({ outcome }, i) => {
    counts[outcome]++;
    if (outcome !== "rejected") played.push(members(i));
  });
  for (const [outcome, count] of Object.entries(counts)) {
    if (count === 0) continue;
    submissions.inc({ outcome }, count);
    boardCounters.add(board, outcome as SubmissionResult["outcome"], count);
  }
  boardCounters.played(board, played);
  return counts;
}
