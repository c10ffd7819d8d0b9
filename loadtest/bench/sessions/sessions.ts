/** `npm run bench -- sessions`: a session opened, used, listed and revoked, against bare SET, GET and DEL; and the check of an API key. */
import { rm } from "node:fs/promises";
import type { Redis } from "ioredis";
import { createLog } from "../../../server/base/log.ts";
import { Database } from "../../../server/database/database.ts";
import { ApiKeys } from "../../../server/sessions/api-keys.ts";
import { KEYS_MAX, KeyStore } from "../../../server/sessions/key-store.ts";
import { newSecret } from "../../../server/sessions/key-text.ts";
import { Sessions } from "../../../server/sessions/sessions.ts";
import { newDataFolder } from "../../processes/data-folder.ts";
import { infoNumber, redisCpuUs } from "../../processes/redis-server.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { inLanes, seconds } from "../lanes.ts";
import { Turns } from "../statistics.ts";

const LANES = 64;
const IDLE_MS = 86_400_000;
/** As long as what a session's field and value hold. */
const VALUE = "x".repeat(130);

const STEPS = ["set", "open", "get", "touch", "touch in pipelines", "list", "del", "revoke"] as const;
type Step = (typeof STEPS)[number];
/** What a step is compared with. */
const BARE = {
  open: "set",
  touch: "get",
  "touch in pipelines": "get",
  list: "get",
  revoke: "del",
} as const satisfies Partial<Record<Step, Step>>;

export const sessionsBench: Bench = {
  name: "sessions",
  summary: "sessions against bare SET, GET and DEL; the check of an API key (about a minute)",
  run: async (context) => {
    await measureSessions(context);
    await measureKeys(context);
  },
};

async function measureSessions({ startRedis, quick, report, say }: BenchContext): Promise<void> {
  const store = await startRedis();
  const redis = await store.connect();
  const players = quick ? 200 : 10_000;
  const [cpu, rate] = [new Turns<Step>(), new Turns<Step>()];
  const sessions = new Sessions(redis, { idleMs: IDLE_MS, maxMs: 30 * IDLE_MS, keptMax: 20 });
  for (let turn = 0; turn < (quick ? 1 : 5); turn++) {
    const members = Array.from({ length: players }, (_, i) => `player-${turn}-${i}`);
    let perSession = 0;
    const steps = stepsOf(redis, sessions, members);
    for (const step of STEPS) {
      const cpuBefore = await redisCpuUs(redis);
      const took = await seconds(steps[step]);
      cpu.add(step, ((await redisCpuUs(redis)) - cpuBefore) / players);
      rate.add(step, players / took);
      if (step === "set") perSession = -(await infoNumber(redis, "memory", "used_memory"));
      if (step === "open") perSession += await infoNumber(redis, "memory", "used_memory");
    }
    if (turn === 0 && perSession > 0) report("memory", { value: perSession / players, unit: "B/session" });
    say(`  turn ${turn + 1}: ${STEPS.map((s) => `${s} ${cpu.last(s).toFixed(1)} µs`).join(", ")}`);
  }
  for (const [step, bare] of Object.entries(BARE) as [keyof typeof BARE, Step][]) {
    const name = step.replaceAll(" ", "-");
    const baseline = { baseline: cpu.median(bare), ratio: cpu.ratio(bare, step) };
    report(`redis-cpu.${name}`, { value: cpu.median(step), unit: "µs Redis CPU", ...baseline });
    const perSecond = { baseline: rate.median(bare), ratio: rate.ratio(step, bare) };
    report(`rate.${name}`, { value: rate.median(step), unit: "calls/s", ...perSecond });
  }
}

/** One call for each player, and what each turn leaves behind removed by its last steps. */
function stepsOf(redis: Redis, sessions: Sessions, members: string[]): Record<Step, () => Promise<void>> {
  const tokens = new Map<string, { token: string; id: string }>();
  const each = (work: (member: string) => Promise<unknown>) => () =>
    inLanes(LANES, members, async (member) => void (await work(member)));
  return {
    set: each((member) => redis.set(`bare:${member}`, VALUE, "PX", IDLE_MS)),
    open: each(async (member) => tokens.set(member, await sessions.open(member))),
    get: each((member) => redis.get(`bare:${member}`)),
    touch: each((member) => sessions.touch(tokens.get(member)!.token)),
    "touch in pipelines": async () => {
      const all = [...tokens.values()].map(({ token }) => token);
      for (let at = 0; at < all.length; at += 100) await sessions.touchAll(all.slice(at, at + 100));
    },
    list: each((member) => sessions.list(member)),
    del: each((member) => redis.del(`bare:${member}`)),
    revoke: each((member) => sessions.revoke(member, tokens.get(member)!.id)),
  };
}

/** A key among a thousand of a real table, right and wrong: it was read before, so nothing is asked of anybody. */
async function measureKeys({ quick, report }: BenchContext): Promise<void> {
  const dataDir = newDataFolder();
  const log = createLog({ level: "silent", pretty: false });
  const database = new Database({ dataDir, connectionsMax: 2, timeoutMs: 60_000, log });
  try {
    const store = new KeyStore(database);
    const good: string[] = [];
    for (let i = 0; i < (quick ? 20 : KEYS_MAX); i++)
      good.push((await store.create({ name: `key ${i}`, role: "server", scopes: [] })).key);
    const settings = { adminKey: "a".repeat(32), serverKey: "s".repeat(32) };
    const keys = new ApiKeys({ ...settings, store, pollMs: IDLE_MS, onError: () => undefined });
    await keys.refresh();
    const wrong = good.map((key) => `${key.split(".")[0]}.${newSecret()}`);
    for (const [name, presented] of Object.entries({ settings: [settings.serverKey], table: good, wrong })) {
      const checks = quick ? 1_000 : 200_000;
      const took = await seconds(async () => {
        for (let i = 0; i < checks; i++) await keys.find(presented[i % presented.length]!);
      });
      report(`key-check.${name}`, { value: (took / checks) * 1e6, unit: "µs" });
    }
  } finally {
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}
