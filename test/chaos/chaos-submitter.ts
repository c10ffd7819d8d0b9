/**
 * Submits all the time, as a careful game server does: what names a season is sent again under its id until its end is known, what names
 * none only as long as it was certainly not taken. Everything that it learns is in its record.
 */
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { between, type Random } from "../../demo/random.ts";
import { sleep } from "../../server/base/clock.ts";
import { SERVER_KEY } from "../support/servers.ts";
import type { ChaosWorld } from "./chaos-world.ts";
import { type Submission, SubmissionRecord } from "./submission-record.ts";

type Result = SubmissionResult & { log?: { shard: number; n: number } };
type Answer = { season: number; incarnation: string; results: Result[] };

const MEMBERS = 16;
const BATCH = 6;
const LANES = 3;
const PAUSE_MS = 25;
const AGAIN_MS = 60;
/** After these it may have counted: a batch whose reply was lost is refused when it is sent again to what came after a loss. */
const DOUBTFUL = new Set(["unavailable", "store_lost"]);

export class ChaosSubmitter {
  readonly record = new SubmissionRecord();
  readonly #world: ChaosWorld;
  readonly #boards: readonly string[];
  readonly #random: Random;
  /** Board → the season that answered last. */
  readonly #seasons = new Map<string, number>();
  #isStopping = false;
  #lanes: Promise<void>[] = [];

  constructor(world: ChaosWorld, boards: readonly string[], random: Random) {
    this.#world = world;
    this.#boards = boards;
    this.#random = random;
  }

  start(): void {
    this.#lanes = Array.from({ length: LANES }, () => this.#lane());
  }

  /** Resolves when the end of each is known as well as it can be. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#lanes);
  }

  /** Sends what was lost again, under its id, and marks what is taken. @returns complaints: what is found to be there all the same */
  async sendAgain(lost: readonly Submission[]): Promise<string[]> {
    const complaints: string[] = [];
    for (const one of lost) {
      const was = one.ack!;
      const { result, answer, isClean } = await this.#untilCertain(one, was.season);
      if (result === undefined || result.outcome === "rejected") {
        // A try of it may have counted before its season closed.
        if (!isClean)
          Object.assign(one, { ack: undefined, season: was.season, isDoubtful: true, isLost: false });
        continue;
      }
      if (isClean && result.outcome === "duplicate" && was.n !== undefined) {
        complaints.push(`${textOf(one)} is listed as lost and is there`);
      }
      take(one, answer!, result);
    }
    return complaints;
  }

  /** Asks for some that a rebuild says are there. @returns complaints: what counted anew */
  async probe(kept: readonly Submission[]): Promise<string[]> {
    const complaints: string[] = [];
    for (const one of kept) {
      const { result, isClean } = await this.#untilCertain(one, one.ack!.season);
      if (isClean && result?.outcome === "accepted") {
        complaints.push(`${textOf(one)} is within the position that was reported and was not there`);
      }
    }
    return complaints;
  }

  async #lane(): Promise<void> {
    while (!this.#isStopping) {
      const board = this.#boards[Math.floor(this.#random() * this.#boards.length)]!;
      let open = Array.from({ length: BATCH }, () => this.#submission(board));
      while (open.length > 0) {
        open = await this.#submit(board, open);
        if (open.length > 0) await sleep(AGAIN_MS);
      }
      await sleep(PAUSE_MS);
    }
  }

  #submission(board: string): Submission {
    const member = `m${Math.floor(this.#random() * MEMBERS)}`;
    const score = Math.floor(between(this.#random, 1, 1_000_000));
    const isNamed = this.#random() < 0.8;
    return this.record.add(board, member, score, isNamed ? this.#seasons.get(board) : undefined);
  }

  /** @returns what is to be sent again */
  async #submit(board: string, submissions: readonly Submission[]): Promise<Submission[]> {
    const answer = await this.#post(board, submissions);
    if (answer === "not taken") return [...submissions];
    if (answer === "unknown") {
      for (const one of submissions) one.isDoubtful = true;
      return submissions.filter(({ season }) => season !== undefined);
    }
    this.#seasons.set(board, answer.season);
    return submissions.filter((one, i) => isToBeSentAgain(one, answer, answer.results[i]!));
  }

  /** One that was acknowledged before, under its season; again until the answer leaves no doubt. */
  async #untilCertain(
    { board, member, score, id }: Submission,
    season: number,
  ): Promise<{ result: Result | undefined; answer: Answer | undefined; isClean: boolean }> {
    let isClean = true;
    for (;;) {
      const answer = await this.#post(board, [{ member, score, id, season }]);
      const result = typeof answer === "string" ? undefined : answer.results[0]!;
      if (result && result.outcome !== "rejected") return { result, answer: answer as Answer, isClean };
      const code = result?.outcome === "rejected" ? result.error.code : undefined;
      // Its season is over, or has not begun again yet.
      if (code === "season_closed" || code === "season_not_found")
        return { result, answer: undefined, isClean };
      if (answer === "unknown" || (code !== undefined && DOUBTFUL.has(code))) isClean = false;
      await sleep(AGAIN_MS);
    }
  }

  async #post(
    board: string,
    submissions: readonly Pick<Submission, "member" | "score" | "id" | "season">[],
  ): Promise<Answer | "not taken" | "unknown"> {
    const items = submissions.map(({ member, score, id, season }) => ({
      ...{ member, score, id },
      ...(season === undefined ? {} : { season }),
    }));
    const sent = fetch(`${this.#world.url}/v1/boards/${board}/scores`, {
      method: "POST",
      headers: { authorization: `Bearer ${SERVER_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ submissions: items, positions: true }),
    });
    try {
      const response = await sent;
      const body = (await response.json()) as Answer;
      if (response.ok) return body;
      // The board itself is out of reach, or unknown in an emptied store: nothing was taken.
      if (response.status === 503 || response.status === 404) return "not taken";
      throw new Unexpected(`${response.status} ${JSON.stringify(body)}`);
    } catch (error) {
      if (error instanceof Unexpected) throw error;
      return "unknown";
    }
  }
}

class Unexpected extends Error {}

function isToBeSentAgain(one: Submission, answer: Answer, result: Result): boolean {
  if (result.outcome !== "rejected") {
    take(one, answer, result);
    return false;
  }
  const { code, retryable } = result.error;
  if (DOUBTFUL.has(code)) one.isDoubtful = true;
  if (!retryable) one.isRefused = true;
  return retryable && (one.season !== undefined || !one.isDoubtful);
}

function take(one: Submission, { season, incarnation }: Answer, { log }: Result): void {
  one.ack = { season, incarnation, shard: log?.shard ?? 0, n: log?.n };
  one.isLost = false;
}

function textOf({ board, member, id, score, ack }: Submission): string {
  return `${board} ${member} ${id} (${score}) ${JSON.stringify(ack)}`;
}
