/** Who the demo's members are: a name and a country for each, and somebody who changes theirs every few seconds. */
import { sleep } from "../server/base/clock.ts";
import { type Random, randomFrom } from "./random.ts";

export type DemoProfilesOptions = {
  url: string;
  serverKey: string;
  members: readonly string[];
  /** How many of them play: those are the ones who change. */
  players: number;
  /** Trouble with one call; the others go on. */
  onError: (error: Error) => void;
};

type Profile = { displayName: string; country: string };

const BATCH = 1_000;
const CHANGE_MS = 4_000;
const COUNTRIES =
  "AR AT AU BE BR CA CH CL CO CZ DE DK EG ES FI FR GB GR ID IE IN IS IT JP KE KR MA MX NG NL NO NZ PE PL PT RO SE SG TH TR UA US VN ZA".split(
    " ",
  );
const TITLES = "the Swift|the Bold|the Lucky|the Late|of the North|of the Coast|II|III".split("|");

/** The same for the same member at every start. */
export function profileOf(member: string, seed: number): Profile {
  const words = member.split("-").filter((word) => !/^\d+$/.test(word));
  const displayName = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join(" ");
  return { displayName, country: oneOf(COUNTRIES, randomFrom(seed)) };
}

export class DemoProfiles {
  readonly #options: DemoProfilesOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: DemoProfilesOptions) {
    this.#options = options;
  }

  /** Returns at once: the board does not wait for names. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is changed any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { members, players } = this.#options;
    const { signal } = this.#stopping;
    for (let first = 0; first < members.length && !signal.aborted; first += BATCH) {
      const profiles = members.slice(first, first + BATCH).map((member, i) => {
        return { member, ...profileOf(member, first + i) };
      });
      await this.#send("POST", "", { profiles });
    }
    for (;;) {
      await sleep(CHANGE_MS, signal);
      if (signal.aborted) return;
      const seed = Math.floor(Math.random() * players);
      const member = members[seed]!;
      const { displayName, country } = profileOf(member, seed);
      const changed = { displayName: `${displayName} ${oneOf(TITLES, Math.random)}`, country };
      await this.#send("PUT", `/${encodeURIComponent(member)}`, changed);
    }
  }

  /** Never rejects. */
  async #send(method: string, path: string, body: object): Promise<void> {
    const { url, serverKey, onError } = this.#options;
    try {
      const response = await fetch(`${url}/v1/profiles${path}`, {
        method,
        headers: { authorization: `Bearer ${serverKey}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: this.#stopping.signal,
      });
      if (!response.ok) throw new Error(`Profiles were refused: ${await response.text()}`);
    } catch (error) {
      if (!this.#stopping.signal.aborted) onError(error as Error);
    }
  }
}

function oneOf<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)]!;
}
