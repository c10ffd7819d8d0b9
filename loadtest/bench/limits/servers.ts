/** Submissions of players over sockets, and HTTP reads from memory, on a server with its limits and on one without, in turns. */
import { Agent, get } from "node:http";
import type { Socket } from "socket.io-client";
import type { ServerProcess } from "../../processes/server-process.ts";
import type { BenchContext } from "../bench.ts";
import { inLanes } from "../lanes.ts";
import { Turns } from "../statistics.ts";
import { perCpuSecond, signInAll, submitOne } from "../submit/gateway.ts";

const READERS = 16;
/** Nothing is refused: what is measured is the check. */
const ON = {
  SUBMISSIONS_PER_SECOND: "100000",
  SUBMISSIONS_BURST: "100000",
  SOCKET_SUBMISSIONS_PER_SECOND: "100000",
  SOCKET_SUBMISSIONS_BURST: "100000",
  HTTP_ADDRESS_REQUESTS: "10000000",
};
const OFF = { SUBMISSIONS_PER_SECOND: "0", SOCKET_SUBMISSIONS_PER_SECOND: "0", HTTP_ADDRESS_REQUESTS: "0" };

type Side = "on" | "off";
type One = { server: ServerProcess; sockets: Socket[]; agent: Agent };

export async function measureServers(context: BenchContext): Promise<void> {
  const { quick, say, report } = context;
  const sides: Record<Side, One> = { on: await start(context, ON), off: await start(context, OFF) };
  const submits = new Turns<Side>();
  const reads = new Turns<Side>();
  // The first turn warms both up.
  for (let turn = 0; turn < (quick ? 2 : 8); turn++) {
    for (const side of ["on", "off"] as const) {
      const { server, sockets } = sides[side];
      const scores = sockets.flatMap((socket) => Array<Socket>(quick ? 3 : 40).fill(socket));
      const submitted = await perCpuSecond(server, scores.length, () =>
        inLanes(sockets.length, scores, submitOne),
      );
      const asked = Array.from({ length: quick ? 100 : 4_000 });
      const read = await perCpuSecond(server, asked.length, () =>
        inLanes(READERS, asked, () => readTop(sides[side])),
      );
      if (turn === 0) continue;
      submits.add(side, submitted.perCpuSecond);
      reads.add(side, read.perCpuSecond);
      say(
        `  limits ${side}: ${Math.round(submits.last(side))} scores, ${Math.round(reads.last(side))} reads`,
      );
    }
  }
  for (const [name, turns] of [
    ["player-sockets", submits],
    ["http-reads", reads],
  ] as const) {
    const measured = {
      value: turns.median("on"),
      baseline: turns.median("off"),
      ratio: turns.ratio("on", "off"),
    };
    report(name, { ...measured, unit: "a server-CPU-s, against no limits" });
  }
  for (const { server, sockets, agent } of Object.values(sides)) {
    for (const socket of sockets) socket.disconnect();
    agent.destroy();
    await server.stop();
  }
}

async function start(context: BenchContext, settings: Record<string, string>): Promise<One> {
  const server = await context.startServer(await context.startRedis(), settings);
  await server.createBoard("players", { operator: "best", writers: "player" });
  const members = Array.from({ length: context.quick ? 20 : 400 }, (_, i) => `player${i}`);
  const sockets = await signInAll(server, members);
  return { server, sockets, agent: new Agent({ keepAlive: true, maxSockets: READERS }) };
}

function readTop({ server, agent }: One): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${server.url}/v1/boards/players/top?limit=10`, { agent }, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`a read was answered ${response.statusCode}`));
      });
    }).once("error", reject);
  });
}
