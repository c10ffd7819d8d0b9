/** Score batches at a steady pace, whatever the server's answers take. */
import { sleep } from "../../server/base/clock.ts";
import type { ScoreClient } from "./score-client.ts";

/** Open loop: what is due is sent, whether or not earlier calls are answered. Resolves when all of them are, after the signal. */
export async function postPaced(
  client: ScoreClient,
  bodies: readonly Buffer[],
  { perSecond, signal }: { perSecond: number; signal: AbortSignal },
): Promise<void> {
  const startedAt = performance.now();
  const underWay: Promise<void>[] = [];
  for (let sent = 0; !signal.aborted; sent++) {
    const dueIn = startedAt + (sent * 1000) / perSecond - performance.now();
    if (dueIn > 0) await sleep(dueIn, signal);
    underWay.push(client.post(bodies[sent % bodies.length]!));
  }
  await Promise.all(underWay);
}
