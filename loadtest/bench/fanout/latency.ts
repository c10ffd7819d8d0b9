/** From the acknowledgement of a submission to its frame at the subscribers, while the server works at half of what it can. */
import type { Frame } from "../../../client-sdk/protocol/messages.ts";
import { sleep, within } from "../../../server/base/clock.ts";
import type { BenchContext } from "../bench.ts";
import { inLanes, seconds } from "../lanes.ts";
import { postPaced } from "../paced-posts.ts";
import { Population, randomScore, SCORE_MAX } from "../population.ts";
import { ScoreClient } from "../score-client.ts";
import { percentile } from "../statistics.ts";
import { openViewers, type Viewer } from "./viewer.ts";

const BATCH = 1_000;
const CALLERS = 4;
const TICK_MS = 100;
const LATE_MS = 10_000;

export async function measureLatency(context: BenchContext): Promise<void> {
  const { quick, say, report } = context;
  const people = new Population(quick ? 5_000 : 100_000);
  const server = await context.startServer(await context.startRedis(), { TICK_MS: `${TICK_MS}` });
  await server.createBoard("live", { operator: "set" });
  const client = new ScoreClient(server.port, "live");
  await fill(client, people);
  const viewers = await openViewers(quick ? 20 : 200, server.url, { board: "live", view: 100 });

  const bodies = Array.from({ length: 50 }, () => randomBody(people));
  const calls = Array.from({ length: quick ? 10 : 150 }, (_, i) => bodies[i % bodies.length]!);
  const took = await seconds(() => inLanes(CALLERS, calls, (body) => client.post(body)));
  const full = (calls.length * BATCH) / took;
  say(`full load ${Math.round(full)} events/s with ${viewers.length} subscribers`);
  report("latency.full-load", { value: full, unit: "events/s" });

  const stopped = new AbortController();
  const load = postPaced(client, bodies, { perSecond: full / 2 / BATCH, signal: stopped.signal });
  const delays = await probe(client, viewers, quick ? 5 : 150);
  stopped.abort();
  await load;
  for (const viewer of viewers) viewer.close();
  client.close();
  await server.stop();
  report("latency.p50", { value: percentile(delays, 0.5), unit: "ms" });
  report("latency.p99", { value: percentile(delays, 0.99), unit: "ms" }, { atMost: TICK_MS + 50 });
}

async function fill(client: ScoreClient, people: Population): Promise<void> {
  for (let i = 0; i < people.size; i += BATCH) {
    const members = people.members.slice(i, i + BATCH);
    await client.submit(members.map((member, j) => ({ member, score: people.scores[i + j]! })));
  }
}

function randomBody(people: Population): Buffer {
  return ScoreClient.encode(
    Array.from({ length: BATCH }, () => ({ member: people.members[people.any()]!, score: randomScore() })),
  );
}

/** One score after the other that is better than all before. @returns the delays at every viewer, in ms */
async function probe(client: ScoreClient, viewers: readonly Viewer[], probes: number): Promise<number[]> {
  const delays: number[] = [];
  for (let i = 0; i < probes; i++) {
    const member = `probe${i % 20}`;
    const score = 2 * SCORE_MAX + i;
    const arrivals = viewers.map((viewer) => arrival(viewer, member, score));
    await client.submit([{ member, score }]);
    const acknowledgedAt = performance.now();
    const late = (): Error => new Error(`the frame of probe ${i} did not come`);
    for (const at of await within(LATE_MS, Promise.all(arrivals), late))
      delays.push(Math.max(0, at - acknowledgedAt));
    // Not in step with the ticks.
    await sleep(TICK_MS * (0.2 + Math.random()));
  }
  return delays;
}

function arrival(viewer: Viewer, member: string, score: number): Promise<number> {
  return new Promise((resolve) => {
    viewer.onFrame = ({ set }: Frame) => {
      const shows = set.some((row) => row[0] === member && row[2] === score);
      if (shows) resolve(performance.now());
    };
  });
}
