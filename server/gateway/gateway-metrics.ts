/** What the gateway counts. */

import { Counter, Gauge, type Registry } from "prom-client";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";

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

/** Results by outcome, added to the metric on the way. */
export function countOutcomes(
  { submissions }: GatewayMetrics,
  results: readonly SubmissionResult[],
): Record<SubmissionResult["outcome"], number> {
  const counts = { accepted: 0, unchanged: 0, duplicate: 0, rejected: 0 };
  for (const { outcome } of results) counts[outcome]++;
  for (const [outcome, count] of Object.entries(counts)) if (count > 0) submissions.inc({ outcome }, count);
  return counts;
}
