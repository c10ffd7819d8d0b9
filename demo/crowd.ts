/**
 * The quiet members of the demo's board: each has once submitted a score and does not play while one looks. They give the
 * ranks of those who play their depth: one match may pass dozens of them.
 */
import { bell, randomFrom } from "./random.ts";

export type CrowdOptions = {
  url: string;
  serverKey: string;
  board: string;
  members: readonly string[];
};

const BATCH = 5_000;
const SCORE_MEAN = 8_200;
const SCORE_SPREAD = 1_500;
/** Below the better ones of those who play, from their first matches on: at the top nobody stands still. */
const SCORE_CAP = 11_800;
const CAP_SPREAD = 600;

/** Submit those who are not on the board yet; an earlier run of the demo may have. @throws Error what the server refused */
export async function gatherCrowd({ url, serverKey, board, members }: CrowdOptions): Promise<void> {
  const address = `${url}/v1/boards/${encodeURIComponent(board)}`;
  for (let first = 0; first < members.length; first += BATCH) {
    const batch = members.slice(first, first + BATCH);
    const known = await fetch(`${address}/members/${encodeURIComponent(batch.at(-1)!)}`);
    if (known.ok) continue;
    const submissions = batch.map((member, i) => ({ member, score: scoreOf(first + i), id: "crowd" }));
    const response = await fetch(`${address}/scores`, {
      method: "POST",
      headers: { authorization: `Bearer ${serverKey}`, "content-type": "application/json" },
      body: JSON.stringify({ submissions }),
    });
    if (!response.ok) throw new Error(`The crowd was refused: ${await response.text()}`);
  }
}

/** The same for the same member at every start. */
export function scoreOf(seed: number): number {
  const random = randomFrom(seed);
  const score = SCORE_MEAN + SCORE_SPREAD * bell(random);
  return Math.round(Math.max(100, score > SCORE_CAP ? SCORE_CAP - CAP_SPREAD * random() : score));
}
