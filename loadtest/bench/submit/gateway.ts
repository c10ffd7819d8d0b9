/** Events per second of server CPU over HTTP and over sockets: the server is a child process, the load comes from here. */
import { io, type Socket } from "socket.io-client";
import type { Ack, SubmitReply } from "../../../client-sdk/protocol/messages.ts";
import type { ServerProcess } from "../../processes/server-process.ts";
import type { BenchContext } from "../bench.ts";
import { inLanes, seconds } from "../lanes.ts";
import { type Population, randomScore } from "../population.ts";
import { ScoreClient } from "../score-client.ts";

const CALL = 1_000;
const CALLERS = 4;
const SIGN_INS = 20;

export async function measureGateway(context: BenchContext, people: Population): Promise<void> {
  const { quick, say, report } = context;
  const server = await context.startServer(await context.startRedis());
  await server.createBoard("http", { operator: "set" });
  await server.createBoard("players", { operator: "best", writers: "player" });

  say("HTTP batches");
  const client = new ScoreClient(server.port, "http");
  const bodies = Array.from({ length: quick ? 4 : 50 }, () => bodyOf(people));
  const post = (body: Buffer): Promise<void> => client.post(body);
  const warmUp = bodies.slice(0, quick ? 2 : 50);
  await inLanes(CALLERS, warmUp, post);
  const calls = Array.from({ length: quick ? 10 : 500 }, (_, i) => bodies[i % bodies.length]!);
  const http = await perCpuSecond(server, calls.length * CALL, () => inLanes(CALLERS, calls, post));
  client.close();
  report("http-batches", { value: http.perCpuSecond, unit: "events/server-CPU-s" }, { atLeast: 60_000 });
  report("http-batches.wall", { value: http.perSecond, unit: "events/s" });

  say("player sockets");
  const sockets = await signInAll(server, people.members.slice(0, quick ? 20 : 400));
  const rounds = (count: number): Promise<void> =>
    inLanes(
      sockets.length,
      sockets.flatMap((socket) => Array<Socket>(count).fill(socket)),
      submitOne,
    );
  await rounds(quick ? 2 : 20);
  const each = quick ? 5 : 150;
  const players = await perCpuSecond(server, sockets.length * each, () => rounds(each));
  for (const socket of sockets) socket.disconnect();
  report("player-sockets", { value: players.perCpuSecond, unit: "events/server-CPU-s" }, { atLeast: 30_000 });
  report("player-sockets.wall", { value: players.perSecond, unit: "events/s" });
  await server.stop();
}

export async function perCpuSecond(
  server: ServerProcess,
  events: number,
  work: () => Promise<void>,
): Promise<{ perCpuSecond: number; perSecond: number }> {
  const before = await server.usage();
  const took = await seconds(work);
  const { cpuUs } = await server.usage();
  return { perCpuSecond: (events * 1e6) / (cpuUs - before.cpuUs), perSecond: events / took };
}

function bodyOf(people: Population): Buffer {
  const submissions = Array.from({ length: CALL }, () => {
    return { member: people.members[people.any()]!, score: randomScore() };
  });
  return ScoreClient.encode(submissions);
}

export async function signInAll(server: ServerProcess, members: readonly string[]): Promise<Socket[]> {
  const sockets: Socket[] = [];
  await inLanes(SIGN_INS, members, async (member) => {
    const token = await server.signIn(member);
    const socket = io(server.url, {
      transports: ["websocket"],
      reconnection: false,
      forceNew: true,
      auth: { token },
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("connect_error", reject);
    });
    sockets.push(socket);
  });
  return sockets;
}

/** Each on its board `players`. @throws when it is refused */
export async function submitOne(socket: Socket): Promise<void> {
  const message = { board: "players", score: randomScore() };
  const reply = (await socket.emitWithAck("submit", message)) as Ack<SubmitReply>;
  if (!reply.ok) throw new Error(`a submission was refused: ${reply.error.code}`);
}
