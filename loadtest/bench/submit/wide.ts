/** What a wide board costs beside a packed one in the same Redis: CPU of one event, memory of one member. */
import { newId } from "../../../server/base/ids.ts";
import { createHasher } from "../../../server/leaderboard/hashing.ts";
import type { BenchContext } from "../bench.ts";
import { openBoard, placeCutoff } from "../boards.ts";
import { Population } from "../population.ts";
import { Turns } from "../statistics.ts";
import { bytesPerMember } from "./fsync.ts";
import { BATCH, cpuOf, Events, sendBatches } from "./redis-cpu.ts";

const OPERATORS = ["set", "best"] as const;
const LAYOUTS = ["packed", "wide"] as const;
type Variant = `${(typeof LAYOUTS)[number]} ${(typeof OPERATORS)[number]}`;

/** A float score, and a tie time without an end: the rest is 8 letters, and another one with every accepted event. */
const BOARDS = {
  packed: { operator: "set" as const, shards: 1 },
  wide: {
    operator: "set" as const,
    shards: 1,
    ties: "earliest" as const,
    columns: [{ name: "score", type: "float" as const }],
  },
};

export async function measureWide(context: BenchContext, members: number): Promise<void> {
  const { quick, say, report } = context;
  const server = await context.startRedis();
  const redis = await server.connect();
  const { idHash } = await createHasher();
  const memory = { packed: 0, wide: 0 };
  const events = new Map<string, Events>();
  for (const layout of LAYOUTS) {
    say(`a ${layout} board: ${members} members through submits`);
    const people = new Population(members);
    const open = await openBoard(redis, layout, BOARDS[layout]);
    memory[layout] = await bytesPerMember(redis, open, people);
    await placeCutoff(redis, open, people);
    const made = new Events({ server, redis, open, people }, (member, id) => idHash("salt", member, id));
    events.set(layout, made);
  }
  report("wide.memory", {
    value: memory.wide,
    unit: "B/member",
    baseline: memory.packed,
    ratio: memory.wide / memory.packed,
  });

  const batches = quick ? 20 : 300;
  const turns = new Turns<Variant>();
  for (let turn = 0; turn < (quick ? 2 : 9); turn++) {
    for (const operator of OPERATORS) {
      for (const layout of LAYOUTS) {
        const from = events.get(layout)!;
        const us = await cpuOf(redis, () => {
          const made = Array.from({ length: batches }, () => from.batch(operator));
          return () => sendBatches(redis, from.board(operator), newId(), made);
        });
        turns.add(`${layout} ${operator}`, us / (batches * BATCH));
      }
    }
    say(`  turn ${turn + 1}: wide set ${turns.last("wide set").toFixed(2)} µs`);
  }
  for (const operator of OPERATORS) {
    report(`wide.${operator}`, {
      value: turns.median(`wide ${operator}`),
      unit: "µs Redis CPU/event",
      baseline: turns.median(`packed ${operator}`),
      ratio: turns.ratio(`packed ${operator}`, `wide ${operator}`),
    });
  }
  await server.stop();
}
