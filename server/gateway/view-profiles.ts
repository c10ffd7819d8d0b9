/**
 * The profiles beside one view of one board: of its rows only, looked up when a row comes in, told once to everybody who follows.
 *
 * A frame says nothing of profiles [R 9]; a member's profile is told after the frame that brought the member in, and again when it has
 * changed [P-22]. On a board that asks for no fields nothing is kept and nothing is looked up.
 */
import type {
  Frame,
  MemberProfiles,
  Profile,
  ProfileField,
  ProfilesMessage,
} from "../../client-sdk/protocol/messages.ts";
import type { View, ViewListener } from "../feed/view.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Profiles } from "../profiles/profiles.ts";
import { inMessages, shownOf } from "./entry-profiles.ts";
import type { ChangedProfiles, ProfileChanges } from "./profile-changes.ts";

export type ProfilesListener = { onProfiles(message: ProfilesMessage): void };

/** `at` is the view's offset when it was told. */
type Told = { profile: Profile | null; text: string; at: number };

const LOOK_EVERY_MS = 100;
/** After a look-up that did not bring everybody. */
const LOOK_AGAIN_MS = 1_000;

export class ViewProfiles implements ViewListener {
  readonly #board: string;
  readonly #view: View;
  readonly #profiles: Profiles;
  readonly #changes: ProfileChanges;
  readonly listeners = new Set<ProfilesListener>();
  #fields: readonly ProfileField[] = [];
  /** Every member of the view; undefined until its profile was told. */
  readonly #shown = new Map<string, Told | undefined>();
  readonly #wanted = new Set<string>();
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(view: View, { board }: OpenBoard, parts: { profiles: Profiles; changes: ProfileChanges }) {
    this.#board = board.id;
    this.#view = view;
    this.#profiles = parts.profiles;
    this.#changes = parts.changes;
    // Before those who follow, who may then ask here what they are to send.
    view.listeners.add(this);
    this.ask(board.profileFields);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#view.listeners.delete(this);
  }

  /** The board asks for these from now on. */
  ask(fields: readonly ProfileField[]): void {
    if (JSON.stringify(fields) === JSON.stringify(this.#fields)) return;
    this.#fields = fields;
    if (fields.length > 0) {
      this.again();
      return;
    }
    this.#tell(
      new Map([...this.#shown].filter(([, told]) => told?.profile).map(([member]) => [member, null])),
    );
    this.#shown.clear();
    this.#wanted.clear();
  }

  /** Look everybody up again. */
  again(): void {
    if (this.#fields.length === 0) return;
    const members = new Set(this.#view.rows.map(([member]) => member));
    for (const member of this.#shown.keys()) if (!members.has(member)) this.#forget(member);
    for (const member of members) this.#want(member);
  }

  /** Resolves when everybody of the view has been looked up, or after `withinMs`. At once on a board that asks for nothing. */
  async ready(withinMs: number): Promise<void> {
    if (this.#wanted.size === 0 && !this.#looking) return;
    clearTimeout(this.#timer);
    this.#look();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#looking, late]);
    clearTimeout(timer);
  }

  /** Those that a whole view comes with: its receiver knows of none. In the size of messages. */
  whole(): MemberProfiles[] {
    return inMessages(
      this.#told()
        .filter(([, { profile }]) => profile)
        .map(([m, { profile }]) => [m, profile]),
    );
  }

  /** Those that a receiver of the view may have missed who has not heard since `offset`; all without it. In the size of messages. */
  since(offset = 0): MemberProfiles[] {
    return inMessages(
      this.#told()
        .filter(([, { at }]) => at >= offset)
        .map(([m, { profile }]) => [m, profile]),
    );
  }

  message(profiles: MemberProfiles): ProfilesMessage {
    return { board: this.#board, kind: "top", view: this.#view.size, profiles };
  }

  onFrame({ set, drop }: Frame): void {
    if (this.#fields.length === 0) return;
    for (const member of drop) this.#forget(member);
    for (const [member] of set) if (!this.#shown.has(member)) this.#want(member);
  }

  /** Another life of the feed: what is known stays, since whoever follows takes `whole` with it. */
  onSnapshot(): void {
    if (this.#fields.length === 0) return;
    const members = new Set(this.#view.rows.map(([member]) => member));
    for (const member of this.#shown.keys()) if (!members.has(member)) this.#forget(member);
    for (const member of members) if (!this.#shown.has(member)) this.#want(member);
  }

  onChanges(changed: ChangedProfiles): void {
    if (this.#fields.length === 0) return;
    const shown = [...changed].filter(([member]) => this.#shown.has(member));
    this.#tell(new Map(shown.map(([member, profile]) => [member, shownOf(profile, this.#fields)])));
  }

  #told(): [string, Told][] {
    return [...this.#shown].filter((entry): entry is [string, Told] => entry[1] !== undefined);
  }

  #forget(member: string): void {
    this.#shown.delete(member);
    this.#wanted.delete(member);
  }

  #want(member: string): void {
    if (!this.#shown.has(member)) this.#shown.set(member, undefined);
    this.#wanted.add(member);
    if (!this.#looking) this.#timer ??= setTimeout(() => this.#look(), 0);
  }

  /** One look-up at a time; who is wanted meanwhile is in the next. */
  #look(): void {
    this.#timer = undefined;
    if (this.#looking || this.#closed || this.#wanted.size === 0) return;
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    this.#looking = this.#lookUp(wanted).then((waitMs) => {
      this.#looking = undefined;
      if (this.#wanted.size > 0 && !this.#closed) this.#timer ??= setTimeout(() => this.#look(), waitMs);
    });
  }

  /** Never rejects. @returns when to look again, if anybody is wanted then */
  async #lookUp(wanted: readonly string[]): Promise<number> {
    const began = performance.now();
    const found = await this.#profiles.look(wanted);
    if (this.#closed) return 0;
    const known = wanted.filter((member) => this.#shown.has(member) && found.has(member));
    const shown = known.map((member): [string, Profile | null] => {
      return [member, shownOf(this.#changes.newest(member, found.get(member), began), this.#fields)];
    });
    this.#tell(new Map(shown));
    for (const member of wanted) if (this.#shown.has(member) && !found.has(member)) this.#wanted.add(member);
    return found.size < wanted.length ? LOOK_AGAIN_MS : LOOK_EVERY_MS;
  }

  #tell(profiles: ReadonlyMap<string, Profile | null>): void {
    const { offset: at } = this.#view.position;
    const news = [...profiles].filter(([member, profile]) => {
      const text = JSON.stringify(profile);
      if (this.#shown.get(member)?.text === text) return false;
      this.#shown.set(member, { profile, text, at });
      return true;
    });
    for (const part of inMessages(news)) {
      const message = this.message(part);
      for (const listener of this.listeners) listener.onProfiles(message);
    }
  }
}
