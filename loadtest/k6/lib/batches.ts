/** Score batches as a game server sends them, and the checks of their answers. */
import http from "k6/http";
import type { SubmissionResult } from "../../../client-sdk/protocol/messages.ts";
import { batchMs, countRefused, countWrong, duplicates, scores } from "./metrics.ts";
import { serverKey, targetUrl } from "./plan.ts";

export type Line = { member: string; score: number; columns?: Record<string, number>; id?: string };

/** @returns one result a line; none when the batch as a whole failed, which is counted */
export function post(board: string, submissions: readonly Line[]): SubmissionResult[] {
  const startedAt = Date.now();
  const response = http.post(`${targetUrl()}/v1/boards/${board}/scores`, JSON.stringify({ submissions }), {
    headers: { authorization: `Bearer ${serverKey()}`, "content-type": "application/json" },
    tags: { name: "scores" },
  });
  batchMs.add(Date.now() - startedAt);
  if (response.status !== 200) {
    countRefused("batch", { status: response.status, error: response.error, body: response.body });
    return [];
  }
  const { results } = response.json() as unknown as { results: SubmissionResult[] };
  if (results.length !== submissions.length)
    countWrong("results", { sent: submissions.length, got: results.length });
  return results;
}

/** Every line was written by nobody else: it is counted, and stands as it was sent. */
export function checkCounted(lines: readonly Line[], results: readonly SubmissionResult[]): void {
  results.forEach((result, i) => {
    const { score } = lines[i]!;
    const counted = result.outcome === "accepted" || result.outcome === "unchanged";
    if (counted && result.score === score) scores.add(1);
    else if (result.outcome === "rejected") countRefused("line", result.error);
    else countWrong("line", { sent: lines[i], result });
  });
}

/** The same lines again with the same ids: known, and changed by nothing. */
export function checkDuplicates(lines: readonly Line[], results: readonly SubmissionResult[]): void {
  results.forEach((result, i) => {
    if (result.outcome === "duplicate" && result.score === lines[i]!.score) duplicates.add(1);
    else countWrong("repeated line", { sent: lines[i], result });
  });
}

export const SCORE_MAX = 1_000_000;
const POPULATION = 5_000;

/** Anybody of the crowd, anywhere below the best. */
export function randomLines(count: number): Line[] {
  return Array.from({ length: count }, () => ({
    member: `m${Math.floor(Math.random() * POPULATION)}`,
    score: Math.floor(Math.random() * SCORE_MAX),
  }));
}
