/** Bytes to one subscriber of the best 100, against sending it the whole view on every tick. */
import { sleep } from "../../../server/base/clock.ts";
import type { BenchContext } from "../bench.ts";
import { ScoreClient, type ScoreOf } from "../score-client.ts";
import { openViewers } from "./viewer.ts";

const TICK_MS = 100;
const VIEW = 100;
/** Scores of the crowd stay below, those of the view above. */
const LINE = 1_000_000;
/** 1,000 updates a second, of which 10 reach the view. */
const UPDATES_PER_TICK = 100;

/** The view as it must be: who is in it, and the next change to it. */
class Stars {
  readonly #scores = new Map<string, number>();
  #newcomers = 0;

  constructor() {
    for (let i = 0; i < VIEW; i++) this.#scores.set(`star${i}`, LINE + Math.floor(Math.random() * LINE));
  }

  all(): ScoreOf[] {
    return [...this.#scores].map(([member, score]) => ({ member, score }));
  }

  /** In turns: somebody of the view moves within it, or a newcomer takes the last one's place. */
  next(tick: number): ScoreOf {
    const score = LINE + Math.floor(Math.random() * LINE);
    if (tick % 2 === 0) {
      const members = [...this.#scores.keys()];
      const member = members[Math.floor(Math.random() * members.length)]!;
      this.#scores.set(member, score);
      return { member, score };
    }
    const [last] = [...this.#scores].sort((a, b) => a[1] - b[1]);
    this.#scores.delete(last![0]);
    const newcomer = {
      member: `newcomer${this.#newcomers++}`,
      score: last![1] + 1 + Math.floor(Math.random() * LINE),
    };
    this.#scores.set(newcomer.member, newcomer.score);
    return newcomer;
  }
}

export async function measureBytes(context: BenchContext): Promise<void> {
  const { quick, say, report } = context;
  const server = await context.startServer(await context.startRedis(), { TICK_MS: `${TICK_MS}` });
  await server.createBoard("bytes", { operator: "set" });
  const client = new ScoreClient(server.port, "bytes");
  const stars = new Stars();
  await client.submit([...stars.all(), ...crowd(quick ? 500 : 5_000)]);
  await sleep(5 * TICK_MS);
  const viewers = await openViewers(10, server.url, { board: "bytes", view: VIEW });
  const first = await viewers[0]!.follow();
  if (first.mode !== "resume" || first.frames.length > 0) throw new Error("the view has not settled");
  const [reader] = await openViewers(1, server.url, { board: "bytes", view: VIEW });
  const whole = reader!.bytes;

  const ticks = quick ? 10 : 150;
  const before = viewers.map(({ bytes }) => bytes);
  const startedAt = performance.now();
  for (let tick = 0; tick < ticks; tick++) {
    await client.submit([stars.next(tick), ...crowd(UPDATES_PER_TICK - 1)]);
    await sleep(startedAt + (tick + 1) * TICK_MS - performance.now());
  }
  await sleep(3 * TICK_MS);
  const received = viewers.reduce((sum, { bytes }, i) => sum + bytes - before[i]!, 0) / viewers.length;
  say(`a view of ${VIEW} is ${whole} bytes, ${Math.round(received)} bytes came in ${ticks} ticks`);
  for (const viewer of [...viewers, reader!]) viewer.close();
  client.close();
  await server.stop();
  const measured = { value: received / ticks, baseline: whole, ratio: received / ticks / whole };
  report("bytes-per-subscriber", { ...measured, unit: "B/tick" }, { atMost: 0.15 });
}

function crowd(count: number): ScoreOf[] {
  return Array.from({ length: count }, () => {
    const member = `crowd${Math.floor(Math.random() * 5_000)}`;
    return { member, score: Math.floor(Math.random() * LINE) };
  });
}
