/** `submit`: what one submission costs, from the Lua script up to HTTP and sockets. */
import { createHasher } from "../../../server/leaderboard/hashing.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { fillBoard, openBoard } from "../boards.ts";
import { Population } from "../population.ts";
import { measureFsync } from "./fsync.ts";
import { measureGateway } from "./gateway.ts";
import { measureIngest } from "./in-process.ts";
import { measureJudged } from "./judged.ts";
import { measureRedisCpu } from "./redis-cpu.ts";
import { measureWide } from "./wide.ts";

async function run(context: BenchContext): Promise<void> {
  const { quick, say } = context;
  const people = new Population(quick ? 20_000 : 1_000_000);
  const hasher = await createHasher();

  const server = await context.startRedis();
  const redis = await server.connect();
  say(`one shard of ${people.size} members`);
  const one = await openBoard(redis, "one", { operator: "set", shards: 1 });
  await fillBoard(redis, one, people, { hasher, say });
  await measureRedisCpu(context, { server, redis, open: one, people });
  say("the same shard with score rules");
  await measureJudged(context, { server, redis, open: one, people });
  say("ingest, 1 shard");
  await measureIngest(context, { redis, open: one, people, hasher });
  await measureFsync(context, { server, redis, open: one, people });
  await server.stop();

  const second = await context.startRedis();
  const commands = await second.connect();
  say("ingest, 8 shards");
  const eight = await openBoard(commands, "eight", { operator: "set", shards: 8 });
  await fillBoard(commands, eight, people, { hasher, say });
  await measureIngest(context, { redis: commands, open: eight, people, hasher });
  await second.stop();

  await measureWide(context, people.size);
  await measureGateway(context, people);
}

export const submitBench: Bench = {
  name: "submit",
  summary: "the write path: script, ingest, fsync, memory, HTTP and sockets",
  run,
};
