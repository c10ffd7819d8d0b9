/** `npm run bench -- profiles`: what a cached profile costs next to a bare GET, and what a stampede costs the database. */
import type { Redis } from "ioredis";
import { type BenchRedis, redisCpuUs } from "../../processes/redis-server.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { inLanes, seconds } from "../lanes.ts";
import { Turns } from "../statistics.ts";
import { openTable, type ProfileProcess, startProfiles } from "./profile-process.ts";

const LANES = 8;
const READERS = 1_000;
const IMPORT = 1_000;

export const profilesBench: Bench = {
  name: "profiles",
  summary: "cost of a cached profile next to a bare GET, and of a stampede (about 1 minute)",
  run: async (context) => {
    const server = await context.startRedis();
    const table = openTable();
    const processes = [
      await startProfiles(server, table.database),
      await startProfiles(server, table.database),
    ];
    try {
      const members = await importProfiles(processes[0]!, context.quick ? 200 : 10_000);
      await measureReads(context, server, processes[0]!, members);
      await measureStampede(context, processes);
    } finally {
      for (const { stop } of processes) await stop();
      await table.close();
    }
  },
};

async function importProfiles({ profiles }: ProfileProcess, count: number): Promise<string[]> {
  const members = Array.from({ length: count }, (_, i) => `player-${i}`);
  for (let at = 0; at < count; at += IMPORT) {
    const some = members.slice(at, at + IMPORT);
    await profiles.putMany(new Map(some.map((member) => [member, profileOf(member)])));
  }
  return members;
}

const profileOf = (member: string) => ({
  displayName: `The ${member}`,
  avatarUrl: `https://avatars.example.com/${member}.png`,
  country: "CH",
});

type Variant = { name: string; size: number; read: (members: string[]) => Promise<unknown> };

function variantsOf(redis: Redis, { profiles }: ProfileProcess): Variant[] {
  const bareKey = (member: string): string => `bare:${member}`;
  const cached = (members: string[]): Promise<unknown> => profiles.look(members, { isFresh: true });
  return [
    { name: "get", size: 1, read: (members) => redis.get(bareKey(members[0]!)) },
    { name: "read-1", size: 1, read: cached },
    { name: "mget", size: 100, read: (members) => redis.mget(members.map(bareKey)) },
    { name: "read-100", size: 100, read: cached },
    { name: "local-100", size: 100, read: (members) => profiles.get(members) },
  ];
}

async function measureReads(
  { quick, report }: BenchContext,
  server: BenchRedis,
  process: ProfileProcess,
  members: string[],
): Promise<void> {
  const redis = await server.connect();
  const pairs = members.flatMap((member) => [`bare:${member}`, JSON.stringify(profileOf(member))]);
  await redis.mset(...pairs);
  await process.profiles.get(members);
  const [cpu, wall] = [new Turns<string>(), new Turns<string>()];
  const variants = variantsOf(redis, process);
  for (let turn = 0; turn < (quick ? 2 : 7); turn++) {
    for (const { name, size, read } of variants) {
      const questions = Array.from({ length: (quick ? 200 : 6_000) / Math.sqrt(size) }, () =>
        Array.from({ length: size }, () => members[Math.floor(Math.random() * members.length)]!),
      );
      const before = await redisCpuUs(redis);
      const took = await seconds(() => inLanes(LANES, questions, async (asked) => void (await read(asked))));
      const count = questions.length * size;
      wall.add(name, (took * 1e6) / count);
      cpu.add(name, Math.max(0.001, (await redisCpuUs(redis)) - before) / count);
    }
  }
  for (const [name, bare] of [
    ["read-1", "get"],
    ["read-100", "mget"],
  ] as const) {
    const ratioOf = (turns: Turns<string>) => ({
      baseline: turns.median(bare),
      ratio: turns.ratio(name, bare),
    });
    report(`${name}.redis-cpu`, { value: cpu.median(name), unit: "µs Redis CPU/profile", ...ratioOf(cpu) });
    report(`${name}.time`, { value: wall.median(name), unit: "µs/profile", ...ratioOf(wall) });
  }
  report("local-100.time", { value: wall.median("local-100"), unit: "µs/profile" });
}

/** Nobody has the profile cached: the second process reads it for the first time, the first one has just written it. */
async function measureStampede({ report }: BenchContext, processes: ProfileProcess[]): Promise<void> {
  const member = "wanted by all";
  await processes[0]!.profiles.put(member, profileOf(member));
  const queries = async (): Promise<number> => {
    const counts = await Promise.all(processes.map(({ metrics }) => metrics.queries.get()));
    return counts.reduce((sum, { values }) => sum + (values[0]?.value ?? 0), 0);
  };
  const before = await queries();
  const took = await seconds(async () => {
    const readers = Array.from({ length: READERS }, (_, i) => processes[i % 2]!.profiles.get([member]));
    await Promise.all(readers);
  });
  report(
    "stampede.queries",
    { value: (await queries()) - before, unit: "queries for 1,000 readers" },
    { atMost: 1 },
  );
  report("stampede.time", { value: took * 1_000, unit: "ms until the last has it" });
}
