/** Players who follow their own rank: each accepted score of their own comes back as a pushed rank, which says how exact it is. */
import type { MeReply, SubmitReply } from "../../../client-sdk/protocol/messages.ts";
import { post, randomLines, SCORE_MAX } from "../lib/batches.ts";
import { ackMs, counted, countRefused, countWrong, scores, socketsDone } from "../lib/metrics.ts";
import { calls, crowd, planOf, shareOf } from "../lib/plan.ts";
import { connect, inSteps, type Player, signIn, withSockets } from "../lib/players.ts";
import { createBoard, type Run, sleepMs, sleepUntil, startRun } from "../lib/run.ts";
import { StandingFollower } from "../lib/standing-follower.ts";

export { handleSummary } from "../lib/summary.ts";

const { name, sizes, options: optionsOf } = planOf("personal");
const LOAD_MS = (sizes.settle + sizes.seconds) * 1000;
const FILL = 5_000;

export const options = optionsOf({
  players: crowd(sizes.vus, "players", LOAD_MS),
  others: calls(sizes.rate, "others", { startS: sizes.settle, seconds: sizes.seconds }),
});

export function setup(): Run {
  const board = createBoard(name, { operator: "set", writers: "player" });
  for (let sent = 0; sent < FILL; sent += 1_000) post(board, randomLines(1_000));
  return startRun(board);
}

export function players(run: Run): Promise<void> {
  return withSockets(async () => {
    const signedIn = signIn(shareOf(sizes.players, sizes.vus).map((i) => `player${i}`));
    const following: StandingFollower[] = [];
    await inSteps(signedIn, async (player) => {
      const follower = await follow(run.board, player);
      if (follower) following.push(follower);
    });
    await sleepUntil(run, sizes.settle * 1000);
    await Promise.all(following.map((follower) => counted(() => play(run, follower))));
  });
}

async function follow(board: string, player: Player): Promise<StandingFollower | undefined> {
  const socket = await connect(player);
  const follower = new StandingFollower(socket, player.member);
  const reply = await socket.request<MeReply>("subscribe", { board, kind: "me" });
  if (!reply.ok) {
    countRefused("subscribe", reply.error);
    socket.close();
    return undefined;
  }
  follower.check(reply.standing);
  return follower;
}

async function play(run: Run, follower: StandingFollower): Promise<void> {
  const untilMs = run.startedAtMs + LOAD_MS;
  for (let turn = 0; Date.now() < untilMs; turn++) {
    await sleepMs(Math.random() * 2 * sizes.pause);
    const score = scoreOf(turn);
    const pushed = follower.expect(score);
    const sentAt = Date.now();
    const reply = await follower.socket.request<SubmitReply>("submit", { board: run.board, score });
    ackMs.add(Date.now() - sentAt);
    if (!reply.ok || reply.result.outcome !== "accepted") {
      countRefused("submit", reply.ok ? reply.result : reply.error);
      follower.forget();
      continue;
    }
    scores.add(1);
    follower.acknowledged();
    await pushed;
  }
  if (follower.socket.isOpen) socketsDone.add(1);
  else countWrong("lost", "a player's connection");
}

/** From one end of the board to the other and back, never the same twice in turn: every score moves the rank. */
function scoreOf(turn: number): number {
  const within = Math.floor((Math.random() * SCORE_MAX) / 4);
  return turn % 2 === 0 ? SCORE_MAX - within : 1 + within;
}

export function others({ board }: Run): Promise<void> {
  return counted(async () => {
    for (const result of post(board, randomLines(sizes.batch))) {
      if (result.outcome === "rejected") countRefused("line", result.error);
    }
  });
}
