/** A player's own rank as it is pushed [P-17]: what every standing must be like, and the one that reflects an own score. */
import { clearTimeout, setTimeout } from "k6/timers";
import type { Standing } from "../../../client-sdk/protocol/messages.ts";
import { countWrong, ownRanks, rankLagMs, rankMissing, ranks } from "./metrics.ts";
import { argumentOf } from "./packet.ts";
import type { GameSocket } from "./socket.ts";
import { standingProblem } from "./standings.ts";

const LATE_MS = 10_000;

type Expected = {
  score: number;
  acknowledgedAtMs: number | undefined;
  seenAtMs: number | undefined;
  timer: number | undefined;
  done: () => void;
};

export class StandingFollower {
  readonly socket: GameSocket;
  readonly #member: string;
  #expected: Expected | undefined;
  /** The last own score that was acknowledged and shown. */
  #shown: number | undefined;

  constructor(socket: GameSocket, member: string) {
    this.socket = socket;
    this.#member = member;
    socket.onEvent = (event) => {
      if (event.name === "rank") this.#pushed(argumentOf<Standing>(event));
    };
    socket.onLost = () => this.forget();
  }

  check(standing: Standing): void {
    const problem = standingProblem(standing, { member: this.#member, nowMs: Date.now() });
    if (problem) countWrong("standing", { problem, standing });
  }

  /** Before the send. Resolves when the score was acknowledged and a standing shows it, or when it is given up. */
  expect(score: number): Promise<void> {
    return new Promise((resolve) => {
      this.#expected = {
        score,
        acknowledgedAtMs: undefined,
        seenAtMs: undefined,
        timer: undefined,
        done: resolve,
      };
    });
  }

  acknowledged(): void {
    const expected = this.#expected;
    if (!expected) return;
    expected.acknowledgedAtMs = Date.now();
    expected.timer = setTimeout(() => {
      rankMissing.add(1);
      this.forget();
    }, LATE_MS);
    this.#finish(expected);
  }

  /** The score was not accepted, or nobody can say any more. */
  forget(): void {
    const expected = this.#expected;
    this.#expected = undefined;
    if (expected?.timer !== undefined) clearTimeout(expected.timer);
    expected?.done();
  }

  #pushed(standing: Standing): void {
    ranks.add(1);
    this.check(standing);
    const expected = this.#expected;
    if (expected && standing.score === expected.score) {
      expected.seenAtMs ??= Date.now();
      this.#finish(expected);
      return;
    }
    // Until the acknowledgement the score before may still be pushed, and nothing older ever [R 10].
    const latest = expected?.acknowledgedAtMs === undefined ? this.#shown : expected.score;
    if (latest !== undefined && standing.score !== latest) countWrong("older standing", { latest, standing });
  }

  #finish(expected: Expected): void {
    const { acknowledgedAtMs, seenAtMs, score } = expected;
    if (acknowledgedAtMs === undefined || seenAtMs === undefined) return;
    ownRanks.add(1);
    // It may overtake the acknowledgement.
    rankLagMs.add(Math.max(0, seenAtMs - acknowledgedAtMs));
    this.#shown = score;
    this.forget();
  }
}
