/** The one player whom the reader follows, at any depth: who it is, and their exact rank about once a second. */
import { type Board, type RankAnswer, SdkError } from "../../client-sdk/index.ts";

export type FollowerOptions = {
  board: Board;
  /** Names somebody to follow; undefined when there is nobody yet. */
  pick: () => Promise<string | undefined>;
  onAnswer: (answer: RankAnswer) => void;
  onMember: (member: string) => void;
};

const EVERY_MS = 1_000;

export class Follower {
  readonly #options: FollowerOptions;
  readonly #memory: string;
  #member: string | undefined;
  #asking = false;
  /** Something happened while an answer was under way: ask once more. */
  #again = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#memory = `rankwire.follow.${options.board.id}`;
  }

  get member(): string | undefined {
    return this.#member;
  }

  start(): void {
    const remembered = recall(this.#memory);
    if (remembered !== undefined) this.follow(remembered);
    else this.#askSoon();
    setInterval(() => this.#askSoon(), EVERY_MS);
  }

  follow(member: string): void {
    this.#member = member;
    remember(this.#memory, member);
    this.#options.onMember(member);
    this.refresh();
  }

  async followAnother(): Promise<void> {
    const before = this.#member;
    // A random choice may fall on the same one, and a board of one has no other.
    for (let tries = 0; tries < 3; tries++) {
      const member = await this.#options.pick().catch(() => undefined);
      if (member === undefined || this.#member !== before) return;
      if (member !== before || tries === 2) {
        this.follow(member);
        return;
      }
    }
  }

  /** The followed player's row has changed: ask now. */
  refresh(): void {
    if (this.#asking) this.#again = true;
    else this.#askSoon();
  }

  #askSoon(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#again = false;
    // Never rejects: #ask catches.
    void this.#ask().then(() => {
      this.#asking = false;
      if (this.#again) this.#askSoon();
    });
  }

  async #ask(): Promise<void> {
    const member = this.#member;
    if (member === undefined) {
      await this.followAnother();
      return;
    }
    try {
      const answer = await this.#options.board.rank(member);
      if (member === this.#member) this.#options.onAnswer(answer);
    } catch (error) {
      // Remembered from another life of the board. Any other trouble is the connection's, which the page shows.
      if (error instanceof SdkError && error.code === "member_not_found" && member === this.#member) {
        this.#member = undefined;
      }
    }
  }
}

/** Storage may be switched off; the choice is then forgotten with the page. */
function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function remember(key: string, member: string): void {
  try {
    localStorage.setItem(key, member);
  } catch {
    // See recall.
  }
}
