/**
 * Points for players without a pause, over HTTP, one at a time for each player and id: knows what was acknowledged, so that a test can
 * say afterwards what must be on the board. What fails retryably is sent again with the same id until it is in.
 */
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { sleep } from "../../server/base/clock.ts";
import { SERVER_KEY, type TestServer } from "./servers.ts";

export type ScoreLoadOptions = {
  board: string;
  players: readonly string[];
  /** Without ids what fails is not sent again: its end is not known. */
  withIds?: boolean;
  /** Rounds (one point for every player) that are under way at once. */
  lanes?: number;
};

type Submission = { member: string; score: number; id?: string };

export class ScoreLoad {
  readonly #server: TestServer;
  readonly #options: Required<ScoreLoadOptions>;
  #stopping = false;
  #round = 0;
  /** Player → points that were acknowledged. */
  readonly acknowledged = new Map<string, number>();
  /** Submissions that were answered with an error, each time. */
  refused = 0;
  /** Rounds that are acknowledged to the last player. */
  rounds = 0;

  constructor(server: TestServer, options: ScoreLoadOptions) {
    this.#server = server;
    this.#options = { withIds: true, lanes: 4, ...options };
  }

  /** Submit for as long as `work` takes. Resolves when everything that was sent is acknowledged, also if `work` fails. */
  async during(work: () => Promise<unknown>): Promise<this> {
    const lanes = Array.from({ length: this.#options.lanes }, () => this.#run());
    try {
      await work();
    } finally {
      this.#stopping = true;
      await Promise.all(lanes);
    }
    return this;
  }

  get total(): number {
    return [...this.acknowledged.values()].reduce((sum, points) => sum + points, 0);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) await this.#oneRound(this.#round++);
  }

  async #oneRound(round: number): Promise<void> {
    const { players, withIds } = this.#options;
    let open = players.map(
      (member): Submission => ({ member, score: 1, ...(withIds ? { id: `${round}` } : {}) }),
    );
    while (open.length > 0) {
      open = await this.#submit(open);
      if (open.length > 0) await sleep(20);
    }
    this.rounds++;
  }

  /** @returns what must be sent again */
  async #submit(submissions: Submission[]): Promise<Submission[]> {
    const { board, withIds } = this.#options;
    const { status, body } = await this.#server.call<{ results: SubmissionResult[] }>(
      "POST",
      `/v1/boards/${board}/scores`,
      { key: SERVER_KEY, body: { submissions } },
    );
    // The board itself may be out of reach for a moment; then nothing was taken.
    if (status === 503) {
      this.refused += submissions.length;
      return submissions;
    }
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
    return submissions.filter((submission, i) => {
      const result = body.results[i]!;
      if (result.outcome !== "rejected") {
        this.acknowledged.set(submission.member, (this.acknowledged.get(submission.member) ?? 0) + 1);
        return false;
      }
      if (!result.error.retryable) throw new Error(JSON.stringify(result));
      this.refused++;
      return withIds;
    });
  }
}
