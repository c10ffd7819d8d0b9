/** Simulated players: each signs in, connects with the SDK over a socket of its own, and plays until stopped. */
import { createClient, type RankwireClient, SdkError } from "../client-sdk/index.ts";
import { sleep } from "../server/base/clock.ts";
import { Form } from "./form.ts";
import { playerNames } from "./names.ts";
import { between, randomFrom } from "./random.ts";

export type PlayersOptions = {
  url: string;
  /** Opens the players' sessions, as a game's own server would. */
  serverKey: string;
  board: string;
  names: readonly string[];
  /** A player's trouble; the player goes on. */
  onError: (error: Error) => void;
};

/** Between two arrivals: the server's first seconds show players joining, not a stampede. */
const ARRIVAL_MS = 10;
const AFTER_ERROR_MS = 2_000;

export class Players {
  readonly #options: PlayersOptions;
  readonly #stopping = new AbortController();
  readonly #clients: RankwireClient[] = [];
  #arriving: Promise<void> | undefined;
  readonly #playing: Promise<void>[] = [];

  constructor(options: PlayersOptions) {
    this.#options = options;
  }

  /** Resolves when everybody has arrived, or when stopped before. */
  start(): Promise<void> {
    this.#arriving ??= this.#arrive();
    return this.#arriving;
  }

  /** Resolves when nobody plays any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#arriving;
    for (const client of this.#clients) client.close();
    await Promise.all(this.#playing);
  }

  async #arrive(): Promise<void> {
    const { signal } = this.#stopping;
    for (const [seed, member] of this.#options.names.entries()) {
      if (signal.aborted) return;
      this.#playing.push(this.#play(member, seed));
      await sleep(ARRIVAL_MS, signal);
    }
  }

  /** Never rejects. */
  async #play(member: string, seed: number): Promise<void> {
    const { url, board: id } = this.#options;
    const { signal } = this.#stopping;
    const client = createClient({ url, getToken: () => this.#openSession(member) });
    this.#clients.push(client);
    const board = client.board(id);
    const form = new Form(randomFrom(seed));
    let rating: number | undefined;
    while (!signal.aborted) {
      try {
        rating ??= await ratingOf(client, id);
        const score = rating === undefined ? form.placement() : form.playMatch(rating);
        const result = await board.submit({ score });
        if (result.outcome === "rejected") throw new Error(`${member}: ${result.error.message}`);
        rating = result.score;
        await sleep(form.pause(), signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onError(error as Error);
        // What counted is not known for certain after an error: ask again.
        rating = undefined;
        await sleep(between(Math.random, 1, 2) * AFTER_ERROR_MS, signal);
      }
    }
  }

  async #openSession(member: string): Promise<string> {
    const { url, serverKey } = this.#options;
    const response = await fetch(`${url}/v1/sessions`, {
      method: "POST",
      headers: { authorization: `Bearer ${serverKey}`, "content-type": "application/json" },
      body: JSON.stringify({ member }),
      signal: this.#stopping.signal,
    });
    if (!response.ok) throw new Error(`No session for ${member}: ${await response.text()}`);
    return ((await response.json()) as { token: string }).token;
  }
}

/** The player among the first `count` whose skill is nearest to `skill`. */
export function playerOfSkill(count: number, skill: number): string {
  const distances = Array.from({ length: count }, (_, seed) =>
    Math.abs(new Form(randomFrom(seed)).skill - skill),
  );
  return playerNames(count)[distances.indexOf(Math.min(...distances))]!;
}

/** What an earlier run of the demo has left; undefined for a new player. */
async function ratingOf(client: RankwireClient, board: string): Promise<number | undefined> {
  try {
    return (await client.board(board).rank()).score;
  } catch (error) {
    if (error instanceof SdkError && error.code === "member_not_found") return undefined;
    throw error;
  }
}
