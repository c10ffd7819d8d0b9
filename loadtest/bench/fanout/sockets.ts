/** Many sockets on one board: what an idle one costs in memory, and everybody coming back at once after a restart. */
import { sleep } from "../../../server/base/clock.ts";
import type { BenchContext } from "../bench.ts";
import { seconds } from "../lanes.ts";
import { Population } from "../population.ts";
import { ScoreClient } from "../score-client.ts";
import { openViewers, type Viewer } from "./viewer.ts";

const FEED_READS = "rankwire_feed_reads_total";

export async function measureSockets(context: BenchContext): Promise<void> {
  const { quick, say, report } = context;
  const count = quick ? 100 : 2_000;
  const redis = await context.startRedis();
  const server = await context.startServer(redis);
  await server.createBoard("crowd", { operator: "set" });
  await submitSome(server.port);

  // The first ones pay for what is made once.
  const early = await openViewers(count / 4, server.url, { board: "crowd", view: 100 });
  await sleep(500);
  const before = await server.usage({ collect: true });
  const later = await openViewers(count, server.url, { board: "crowd", view: 100 });
  await sleep(500);
  const after = await server.usage({ collect: true });
  const perSocket = (field: "rssBytes" | "heapBytes"): number =>
    (after[field] - before[field]) / count / 1024;
  say(`${count} idle sockets`);
  report("idle-socket.rss", { value: perSocket("rssBytes"), unit: "KiB" }, { atMost: 35 });
  report("idle-socket.heap", { value: perSocket("heapBytes"), unit: "KiB" });
  for (const viewer of [...early, ...later]) viewer.close();

  const viewers = await openViewers(count, server.url, { board: "crowd", view: "all" });
  await submitSome(server.port);
  await sleep(500);
  await server.stop();
  while (viewers.some(({ connected }) => connected)) await sleep(20);
  const again = await context.startServer(redis, { PORT: `${server.port}` });
  say("restarted: everybody comes back");
  let snapshots = 0;
  const took = await seconds(async () => {
    await Promise.all(viewers.map(async (viewer) => (snapshots += await comeBack(viewer))));
  });
  const reads = await again.metric(FEED_READS);
  for (const viewer of viewers) viewer.close();
  await again.stop();
  report("storm.feed-reads", { value: reads, unit: "reads" }, { atMost: 3 });
  report("storm.all-live", { value: took, unit: "s" }, { atMost: 10 });
  report("storm.snapshots", { value: snapshots, unit: `of ${count} sockets` });
}

/** With no jitter at all, which is worse than any client does it. @returns 1 when it needed a snapshot */
async function comeBack(viewer: Viewer): Promise<number> {
  await viewer.connect();
  const { mode } = await viewer.follow();
  return mode === "snapshot" ? 1 : 0;
}

async function submitSome(port: number): Promise<void> {
  const people = new Population(1_000);
  const client = new ScoreClient(port, "crowd");
  await client.submit(people.members.map((member, i) => ({ member, score: people.scores[i]! })));
  client.close();
  await sleep(500);
}
