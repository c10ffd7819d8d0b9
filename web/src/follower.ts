/** The one player whom the reader follows, at any depth: who it is, where they stand, and who stands around them, live. */
import type {
  Board,
  MeSnapshot,
  MeStore,
  WindowEntry,
  WindowSnapshot,
  WindowStore,
} from "../../client-sdk/index.ts";

export type FollowerOptions = {
  board: Board;
  /** Names somebody to follow; undefined when there is nobody yet. */
  pick: () => Promise<string | undefined>;
  /** Somebody else is followed from now on. */
  onMember: (member: string) => void;
  /** What is known of them has changed. */
  onChange: () => void;
};

/** The followed one in the middle. */
export const NEIGHBOURS = 5;
const PICK_MS = 1_000;

type Followed = { member: string; me: MeStore; around: WindowStore; stop: () => void };

export class Follower {
  readonly #options: FollowerOptions;
  readonly #memory: string;
  #followed: Followed | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#memory = `rankwire.follow.${options.board.id}`;
  }

  get member(): string | undefined {
    return this.#followed?.member;
  }

  get me(): MeSnapshot | undefined {
    return this.#followed?.me.getSnapshot();
  }

  get around(): WindowSnapshot | undefined {
    return this.#followed?.around.getSnapshot();
  }

  /** The followed one among the neighbours. */
  get entry(): WindowEntry | undefined {
    return this.around?.entries.find(({ member }) => member === this.member);
  }

  /** The address may name somebody (`?follow=…`), once: the next choice is the reader's. */
  start(): void {
    const address = new URL(location.href);
    const wanted = address.searchParams.get("follow") ?? recall(this.#memory);
    if (wanted !== null) this.follow(wanted);
    address.searchParams.delete("follow");
    history.replaceState(null, "", address);
    setInterval(() => {
      if (!this.#followed) void this.followAnother();
    }, PICK_MS);
  }

  follow(member: string): void {
    if (member === this.member) return;
    this.#followed?.stop();
    const { board, onMember, onChange } = this.#options;
    const [me, around] = [board.me(member), board.around({ member, limit: NEIGHBOURS })];
    const changed = (): void => {
      if (isGone(me.getSnapshot())) this.#lose(member);
      onChange();
    };
    const stops = [me.subscribe(changed), around.subscribe(onChange)];
    this.#followed = {
      member,
      me,
      around,
      stop: () => {
        for (const stop of stops) stop();
      },
    };
    remember(this.#memory, member);
    onMember(member);
  }

  async followAnother(): Promise<void> {
    const before = this.member;
    // A random choice may fall on the same one, and a board of one has no other.
    for (let tries = 0; tries < 3; tries++) {
      const member = await this.#options.pick().catch(() => undefined);
      if (member === undefined || this.member !== before) return;
      if (member !== before) {
        this.follow(member);
        return;
      }
    }
  }

  /** Remembered from another life of the board, or removed from it. Somebody else is picked soon. */
  #lose(member: string): void {
    if (member !== this.member) return;
    this.#followed?.stop();
    this.#followed = undefined;
  }
}

function isGone({ status, standing, error }: MeSnapshot): boolean {
  return error?.code === "member_not_found" || (status === "live" && standing?.rank === null);
}

/** Storage may be switched off; the choice is then forgotten with the page. */
function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function remember(key: string, member: string): void {
  try {
    localStorage.setItem(key, member);
  } catch {
    // See recall.
  }
}
