/** Signed-in players with one score each at a time; in the end each stands where its acknowledgements put it. */
import type { Ack, RankAnswer, SubmitReply } from "../../../client-sdk/protocol/messages.ts";
import { ackMs, counted, countRefused, countWrong, scores, socketsDone } from "../lib/metrics.ts";
import { crowd, planOf, shareOf } from "../lib/plan.ts";
import { connect, inSteps, type Player, signIn, withSockets } from "../lib/players.ts";
import { createBoard, type Run, sleepMs, startRun } from "../lib/run.ts";
import type { GameSocket } from "../lib/socket.ts";

export { handleSummary } from "../lib/summary.ts";

const { name, sizes, options: optionsOf } = planOf("ingest");

export const options = optionsOf({ players: crowd(sizes.vus, "players", sizes.seconds * 1000) });

export function setup(): Run {
  return startRun(createBoard(name, { operator: "incr", writers: "player" }));
}

export function players({ board }: Run): Promise<void> {
  return withSockets(async () => {
    const signedIn = signIn(shareOf(sizes.players, sizes.vus).map((i) => `player${i}`));
    const playing: { player: Player; socket: GameSocket }[] = [];
    await inSteps(signedIn, async (player) => {
      playing.push({ player, socket: await connect(player) });
    });
    const untilMs = Date.now() + sizes.seconds * 1000;
    await Promise.all(
      playing.map(({ player, socket }) => counted(() => play(board, player, socket, untilMs))),
    );
  });
}

async function play(board: string, player: Player, socket: GameSocket, untilMs: number): Promise<void> {
  let total = 0;
  for (let i = 0; Date.now() < untilMs; i++) {
    await sleepMs(Math.random() * 2 * sizes.pause);
    const score = 1 + Math.floor(Math.random() * 100);
    const sentAt = Date.now();
    const reply = await socket.request<SubmitReply>("submit", { board, score, id: `${player.member}-${i}` });
    ackMs.add(Date.now() - sentAt);
    if (!reply.ok) {
      countRefused("submit", reply.error);
      continue;
    }
    total += score;
    const { outcome, score: now } = reply.result;
    if (outcome === "accepted" && now === total) scores.add(1);
    else countWrong("submit", { total, result: reply.result });
  }
  checkTotal(total, await socket.request<RankAnswer>("rank", { board }));
  socketsDone.add(1);
}

/** Asked of Redis: what was acknowledged was counted, once. */
function checkTotal(total: number, answer: Ack<RankAnswer>): void {
  if (!answer.ok) countRefused("rank", answer.error);
  else if (answer.score !== total) countWrong("total", { acknowledged: total, stands: answer.score });
}
