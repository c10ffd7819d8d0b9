/** Whole seasons through the HTTP API, a client following: after every race the board is the official one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, type RankwireClient, type TopStore } from "../../client-sdk/index.ts";
import type { Entry, Position, SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { NaiveBoard, type NaiveOutcome } from "../support/naive-board.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import {
  COUNT_BACK,
  type DriverSubmission,
  type Race,
  racesOf,
  type Season,
  STANDINGS,
  submissionsOf,
  valuesOf,
} from "./f1-season.ts";

type ScoresReply = { results: SubmissionResult[]; counts: Record<SubmissionResult["outcome"], number> };
type TopReply = { total: number; position: Position; entries: Entry[] };

const OUTCOMES: Record<NaiveOutcome, string> = {
  a: "accepted",
  u: "unchanged",
  d: "duplicate",
  r: "rejected",
};
const AROUND = 5;

let server: TestServer;
let client: RankwireClient;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  client = createClient({ url: server.url });
});
afterAll(async () => {
  client.close();
  await server.stop();
});

/** A board, the naive model beside it, and a client that follows all of it. */
class Replay {
  readonly id: string;
  readonly model: NaiveBoard;
  readonly store: TopStore;
  readonly statuses = new Set<string>();
  readonly unfollow: () => void;

  private constructor(id: string, model: NaiveBoard) {
    this.id = id;
    this.model = model;
    this.store = client.board(id).top({ limit: 1000 });
    this.unfollow = this.store.subscribe(() => this.statuses.add(this.store.getSnapshot().status));
  }

  static async create(season: Season): Promise<Replay> {
    const id = uniqueBoard(`f1-${season}`);
    await server.createBoard(id, STANDINGS);
    return new Replay(id, new NaiveBoard((await server.running.registry.get(id)).board));
  }

  get expected(): Entry[] {
    return this.model.ranked().map(({ member, rank, values: [score, ...places] }) => {
      const columns = Object.fromEntries(COUNT_BACK.map((name, i) => [name, places[i]!]));
      return { rank, member, score: score as number, columns };
    });
  }

  async submit(submissions: DriverSubmission[]): Promise<ScoresReply> {
    const { status, body } = await server.call<ScoresReply>("POST", `/v1/boards/${this.id}/scores`, {
      key: SERVER_KEY,
      body: { submissions },
    });
    expect(status).toBe(200);
    return body;
  }

  /** Submit to the board and the model alike; both say the same of every submission. */
  async race(submissions: DriverSubmission[]): Promise<void> {
    const { results } = await this.submit(submissions);
    const outcomes = submissions.map((one) => this.model.submit({ ...one, values: valuesOf(one), at: 0 }));
    expect(results.map(({ outcome }) => outcome)).toEqual(outcomes.map((outcome) => OUTCOMES[outcome]));
  }

  /** The same submissions again: told apart by their ids, answered with the entries as they are. */
  async again(submissions: DriverSubmission[]): Promise<void> {
    const { results, counts } = await this.submit(submissions);
    expect(counts).toEqual({
      accepted: 0,
      unchanged: 0,
      duplicate: submissions.length,
      held: 0,
      rejected: 0,
    });
    const entries = new Map(this.expected.map((entry) => [entry.member, entry]));
    const asTheyAre = submissions.map(({ member }) => {
      const { score, columns } = entries.get(member)!;
      return { outcome: "duplicate", score, columns };
    });
    expect(results).toEqual(asTheyAre);
  }

  top(): Promise<TopReply> {
    return this.#get<TopReply>("top?limit=1000");
  }

  /** Every way to read the board agrees with the plain sort. */
  async agrees(): Promise<void> {
    const { expected } = this;
    const { position } = await eventually(async () => {
      const top = await this.top();
      expect(top.entries).toEqual(expected);
      expect(top.total).toBe(expected.length);
      return top;
    });
    await this.#shown(position);
    expect(this.store.getSnapshot().entries).toEqual(expected);
    await Promise.all(expected.map((_, at) => this.#agreesOn(expected, at)));
  }

  async #agreesOn(expected: Entry[], at: number): Promise<void> {
    const entry = expected[at]!;
    const total = expected.length;
    const exact = await this.#get<Entry>(`members/${entry.member}?precision=exact`);
    expect(exact).toMatchObject({ ...entry, exact: true, total });
    const around = await this.#get<TopReply>(`members/${entry.member}/around?limit=${AROUND}`);
    const start = Math.max(0, Math.min(at - Math.floor(AROUND / 2), total - AROUND));
    expect(around.entries).toEqual(expected.slice(start, start + AROUND));
  }

  /** Resolves when the client's view is at `position`, or beyond it. */
  #shown({ offset }: Position): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        const { position } = this.store.getSnapshot();
        if (!position || position.offset < offset) return;
        stop();
        resolve();
      };
      const stop = this.store.subscribe(() => look());
      look();
    });
  }

  async #get<T>(path: string): Promise<T> {
    const { status, body } = await server.call<T>("GET", `/v1/boards/${this.id}/${path}`);
    expect(status, path).toBe(200);
    return body;
  }
}

/** Official points of every driver; whom the standings do not list has none. */
function officialPoints(race: Race, entries: readonly Entry[]): Record<string, number> {
  const official = new Map(race.standings.map(({ driver, points }) => [driver, points]));
  expect([...official.keys()].filter((driver) => !entries.some(({ member }) => member === driver))).toEqual(
    [],
  );
  return Object.fromEntries(entries.map(({ member }) => [member, official.get(member) ?? 0]));
}

describe.each<Season>([2008, 2012, 2021])("the season of %i, race by race", (season) => {
  const races = racesOf(season);

  it("has the official points and the order of a plain sort after every race", async () => {
    const replay = await Replay.create(season);
    for (const race of races) {
      const submissions = submissionsOf(season, race);
      // The winner is in the batch twice, under one id.
      await replay.race([...submissions, submissions[0]!]);
      await replay.agrees();
      const points = replay.store.getSnapshot().entries.map(({ member, score }) => [member, score]);
      expect(Object.fromEntries(points)).toEqual(officialPoints(race, replay.store.getSnapshot().entries));
      await replay.again(submissions);
    }
    for (const race of races) await replay.again(submissionsOf(season, race));
    await replay.agrees();
    expect([...replay.statuses]).toEqual(["live"]);
    replay.unfollow();
  });

  it("counts each race once when every batch is sent twice at the same time", async () => {
    const replay = await Replay.create(season);
    for (const race of races) {
      const submissions = submissionsOf(season, race);
      const replies = await Promise.all([replay.submit(submissions), replay.submit(submissions)]);
      for (const one of submissions) replay.model.submit({ ...one, values: valuesOf(one), at: 0 });
      const applied = submissions.map(
        (_, i) => replies.filter(({ results }) => results[i]!.outcome !== "duplicate").length,
      );
      expect(applied).toEqual(submissions.map(() => 1));
    }
    await replay.agrees();
    replay.unfollow();
  });
});
