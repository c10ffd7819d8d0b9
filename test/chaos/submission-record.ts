/** What a submitter knows of its submissions: what was acknowledged, and where; of which ones nobody knows whether they counted. */

/** Where the answer says that it is. */
export type Acknowledged = { season: number; incarnation: string; shard: number; n: number | undefined };

export type Submission = {
  board: string;
  member: string;
  score: number;
  id: string;
  /** The season that it names; those without a name are not sent again once their end is in doubt. */
  season: number | undefined;
  ack: Acknowledged | undefined;
  /** A try of it ended without an answer, or with one that leaves open whether it counted. */
  isDoubtful: boolean;
  /** Refused for good: it is not sent again. */
  isRefused: boolean;
  /** A rebuild has reported that it is lost, and it has not been taken since. */
  isLost: boolean;
};

/** Board, its season → what a member must have: `sure`, and any of `maybe` beside it. */
export type Expected = Map<string, { sure: number[]; maybe: number[] }>;

export class SubmissionRecord {
  readonly all: Submission[] = [];
  #next = 1;

  add(board: string, member: string, score: number, season: number | undefined): Submission {
    const submission: Submission = {
      ...{ board, member, score, season, id: `s${this.#next++}` },
      ...{ ack: undefined, isDoubtful: false, isRefused: false, isLost: false },
    };
    this.all.push(submission);
    return submission;
  }

  acknowledged(): Submission[] {
    return this.all.filter(({ ack, isLost }) => ack !== undefined && !isLost);
  }

  /** As `rankwire lost` takes it: a line for each that is acknowledged. */
  lines(submissions: readonly Submission[]): string {
    const line = ({ board, id, ack }: Submission): string => JSON.stringify({ board, id, ...ack });
    return submissions.map((one) => `${line(one)}\n`).join("");
  }

  /** Member → what it is to have. */
  expected(board: string, season: number): Expected {
    const expected: Expected = new Map();
    for (const one of this.all) {
      if (one.board !== board) continue;
      const isSure = one.ack?.season === season && !one.isLost;
      const isMaybe = !one.ack && one.isDoubtful && (one.season === undefined || one.season === season);
      if (!isSure && !isMaybe) continue;
      const has = expected.get(one.member) ?? { sure: [], maybe: [] };
      has[isSure ? "sure" : "maybe"].push(one.score);
      expected.set(one.member, has);
    }
    return expected;
  }
}

/** Whether a score is the sum of some of these. Scores are far apart: that another selection comes to the same is next to impossible. */
export function isSumOfSome(score: number, parts: readonly number[]): boolean {
  let sums = new Set([0]);
  for (const part of parts) {
    sums = new Set([...sums, ...[...sums].map((sum) => sum + part)].filter((sum) => sum <= score));
  }
  return sums.has(score);
}
