/** `npm run bench -- [names] [--quick] [--write]`: runs benches, prints one JSON line per figure. */
import { parseArgs } from "node:util";
import { OwnedProcesses } from "../processes/owned-processes.ts";
import { type BenchRedis, startRedis } from "../processes/redis-server.ts";
import { startServer } from "../processes/server-process.ts";
import { archiveBench } from "./archive/archive.ts";
import type { Bench, BenchContext, BenchResult } from "./bench.ts";
import { clusterBench } from "./cluster/cluster.ts";
import { writeTables } from "./document.ts";
import { exportBench } from "./export/export.ts";
import { fanoutBench } from "./fanout/fanout.ts";
import { type Figure, figure } from "./figure.ts";
import { historyBench } from "./history/history.ts";
import { importBench } from "./import/import.ts";
import { limitsBench } from "./limits/limits.ts";
import { memoryBench } from "./memory/memory.ts";
import { profilesBench } from "./profiles/profiles.ts";
import { pushBench } from "./push/push.ts";
import { ranksBench } from "./ranks/ranks.ts";
import { rebuildBench } from "./rebuild/rebuild.ts";
import { rewardsBench } from "./rewards/rewards.ts";
import { seasonsBench } from "./seasons/seasons.ts";
import { sessionsBench } from "./sessions/sessions.ts";
import { submitBench } from "./submit/submit.ts";

const BENCHES: readonly Bench[] = [
  submitBench,
  fanoutBench,
  ranksBench,
  pushBench,
  clusterBench,
  limitsBench,
  memoryBench,
  profilesBench,
  sessionsBench,
  seasonsBench,
  rewardsBench,
  rebuildBench,
  archiveBench,
  historyBench,
  importBench,
  exportBench,
];

const owned = new OwnedProcesses();
const stores = new Set<BenchRedis>();
const say = (line: string): void => console.error(line);

function usage(): string {
  const list = BENCHES.map(({ name, summary }) => `  ${name.padEnd(8)} ${summary}`);
  return ["npm run bench -- <name>… [--quick] [--write]", ...list].join("\n");
}

async function run(bench: Bench, quick: boolean): Promise<BenchResult> {
  const figures: Figure[] = [];
  const context: BenchContext = {
    quick,
    say,
    report: (name, measured, target) => {
      const one = figure(`${bench.name}.${name}`, measured, target);
      figures.push(one);
      console.log(JSON.stringify(one));
    },
    startRedis: async (args) => {
      const redis = await startRedis(owned, say, args);
      stores.add(redis);
      return redis;
    },
    startServer: (redis, settings) => startServer(owned, redis, settings),
  };
  try {
    await bench.run(context);
  } finally {
    await stopEverything();
  }
  return { bench: bench.name, figures };
}

/** Servers first, then the Redis that they talk to, with its folder and our own connections to it. */
async function stopEverything(): Promise<void> {
  await owned.stopAll();
  for (const redis of stores) await redis.stop();
  stores.clear();
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    // What was under way now fails, each in its own words.
    process.on("uncaughtException", () => undefined);
    owned.close();
    void stopEverything().then(() => process.exit(signal === "SIGINT" ? 130 : 143));
  });
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, write: { type: "boolean", default: false } },
});
const chosen = BENCHES.filter(({ name }) => positionals.includes(name));
const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));

if (positionals.length === 0) {
  console.error(usage());
} else if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(", ")}.\n${usage()}`);
  process.exitCode = 2;
} else if (values.quick && values.write) {
  console.error("The numbers of a smoke run mean nothing: --quick and --write do not go together.");
  process.exitCode = 2;
} else {
  for (const bench of chosen) {
    const result = await run(bench, values.quick);
    if (values.write) await writeTables(result);
  }
}
