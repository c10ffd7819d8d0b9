/** Everything that this client follows: one subscription for each name on the wire, and the way of events to them. */
import type { BoardMemory } from "./board-memory.ts";
import type { BoardView, TopEvent } from "./board-view.ts";
import type { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import type { SdkError } from "./errors.ts";
import { getOrMake } from "./get-or-make.ts";
import {
  aroundQuestion,
  type LatestQuestion,
  membersQuestion,
  standingQuestion,
  type WindowEvent,
} from "./latest-question.ts";
import type { Limits } from "./limits.ts";
import { createLiveFollow, type LiveFollow, type LiveSubscription } from "./live-follow.ts";
import type {
  BoardInfo,
  Ended,
  Frame,
  LiveWindow,
  MeReply,
  ProfilesMessage,
  Snapshot,
  Standing,
  TopReply,
  ViewSize,
  WindowReply,
} from "./protocol/messages.ts";
import { Subscription, type SubscriptionParts } from "./subscription.ts";
import { topQuestion } from "./top-question.ts";

export type TopSubscription = Subscription<BoardView, TopEvent, TopReply>;

export type FollowsParts = {
  connection: Connection;
  environment: Environment;
  limits: Limits;
  memory: BoardMemory;
};

export class Follows {
  readonly #connection: Connection;
  readonly #memory: BoardMemory;
  readonly #parts: SubscriptionParts;
  readonly #tops = new Map<string, TopSubscription>();
  readonly #standings = new Map<string, LiveSubscription<Standing, MeReply>>();
  readonly #windows = new Map<string, LiveSubscription<LiveWindow, WindowReply, WindowEvent>>();
  /** The largest window round a member that any store has asked for. */
  readonly #aroundLimits = new Map<string, number>();
  #lists = 0;

  constructor({ connection, environment, limits, memory }: FollowsParts) {
    this.#connection = connection;
    this.#memory = memory;
    this.#parts = { connection, environment, limits, onInfo: (info) => this.learn(info) };
  }

  top(board: string, view: ViewSize): TopSubscription {
    return getOrMake(this.#tops, keyOf(board, view), () =>
      this.#orEnded(new Subscription(topQuestion(board, view), this.#parts)),
    );
  }

  /** @param member the signed-in player when absent */
  standing(board: string, member: string | undefined): LiveFollow<Standing> {
    const key = memberKeyOf(board, "me", member);
    const made = this.#live(this.#standings, key, standingQuestion(board, member));
    return createLiveFollow(made, (own) => this.#adopt(this.#standings, key, own));
  }

  around(board: string, member: string | undefined, limit: number): LiveFollow<LiveWindow> {
    const key = memberKeyOf(board, "around", member);
    const widest = (): number => this.#aroundLimits.get(key) ?? limit;
    const made = this.#live(this.#windows, key, aroundQuestion(board, member, widest));
    return createLiveFollow(made, (own) => {
      const subscription = this.#adopt(this.#windows, key, own);
      if (limit > (this.#aroundLimits.get(key) ?? 0)) {
        this.#aroundLimits.set(key, limit);
        subscription.renew();
      }
      return subscription;
    });
  }

  /** @param members sorted, without repetitions */
  members(board: string, members: readonly string[]): LiveFollow<LiveWindow> {
    const key = keyOf(board, "members", ...members);
    const list = `l${++this.#lists}`;
    const made = this.#live(this.#windows, key, membersQuestion(board, list, members));
    return createLiveFollow(made, (own) => this.#adopt(this.#windows, key, own));
  }

  up(): void {
    for (const subscription of this.#all()) subscription.up();
  }

  down(): void {
    for (const subscription of this.#all()) subscription.down();
  }

  end(reason: SdkError): void {
    for (const subscription of this.#all()) subscription.end(reason);
  }

  learn(info: BoardInfo): void {
    this.#memory.learn(info);
    this.#hearSeason(info.board, info.season.number);
  }

  onTop(event: Frame | Snapshot): void {
    this.#memory.hear(event.board, event.season);
    this.#tops.get(keyOf(event.board, event.view))?.onEvent(event);
    this.#hearSeason(event.board, event.season);
  }

  onStanding(standing: Standing): void {
    this.#memory.hear(standing.board, standing.season);
    // One's own standing comes under one's name, which the subscription knows from its answer only: each question tells what is its own.
    for (const subscription of of(this.#standings, standing.board)) subscription.onEvent(standing);
    this.#hearSeason(standing.board, standing.season);
  }

  onWindow(window: LiveWindow): void {
    this.#memory.hear(window.board, window.season);
    for (const subscription of of(this.#windows, window.board)) subscription.onEvent(window);
    this.#hearSeason(window.board, window.season);
  }

  onProfiles(message: ProfilesMessage): void {
    const { board } = message;
    if (message.kind === "top") this.#tops.get(keyOf(board, message.view))?.onEvent(message);
    else for (const subscription of of(this.#windows, board)) subscription.onEvent(message);
  }

  onEnded(ended: Ended): void {
    const { board, error } = ended;
    if (ended.kind === "top") this.#tops.get(keyOf(board, ended.view))?.onEnded(error);
    else if (ended.kind === "me") {
      for (const one of of(this.#standings, board)) {
        const { name } = one.question;
        if (name.kind === "me" && endsMember(ended, name, one.state.getSnapshot().value?.now))
          one.onEnded(error);
      }
    } else {
      for (const one of of(this.#windows, board)) {
        if (endsWindow(ended, one)) one.onEnded(error);
      }
    }
  }

  /** Tops hear of a new season by a snapshot of their own. [P-8] */
  #hearSeason(board: string, season: number): void {
    for (const subscription of of(this.#standings, board)) subscription.onSeason(season);
    for (const subscription of of(this.#windows, board)) subscription.onSeason(season);
  }

  #live<T, R extends { info: BoardInfo }, E>(
    known: Map<string, LiveSubscription<T, R, E>>,
    key: string,
    question: LatestQuestion<T, R, E>,
  ): LiveSubscription<T, R, E> {
    const made = new Subscription(question, this.#parts, () => {
      if (known.get(key) !== made) return;
      known.delete(key);
      this.#aroundLimits.delete(key);
    });
    return this.#orEnded(made);
  }

  #adopt<S extends Ending>(known: Map<string, S>, key: string, own: S): S {
    return this.#orEnded(getOrMake(known, key, () => own));
  }

  #orEnded<S extends Ending>(subscription: S): S {
    const state = this.#connection.state.getSnapshot();
    if (state.status === "closed") subscription.end(state.reason);
    return subscription;
  }

  #all() {
    return [...this.#tops.values(), ...this.#standings.values(), ...this.#windows.values()];
  }
}

type Ending = { end: (reason: SdkError) => void };

function endsMember(
  ended: { member?: string },
  name: { member?: string },
  known: { member?: string } | undefined,
): boolean {
  return name.member === ended.member || (name.member === undefined && known?.member === ended.member);
}

function endsWindow(
  ended: Ended,
  { question, state }: LiveSubscription<LiveWindow, WindowReply, WindowEvent>,
): boolean {
  const { name } = question;
  if (ended.kind === "members" && name.kind === "members") return ended.list === name.list;
  if (ended.kind !== "around" || name.kind !== "around") return false;
  const known = state.getSnapshot().value?.now;
  return endsMember(ended, name, known?.kind === "around" ? known : undefined);
}

/** Those of one board. A listener may begin or end others meanwhile. */
function of<S extends { question: { name: { board: string } } }>(known: Map<string, S>, board: string): S[] {
  return [...known.values()].filter(({ question }) => question.name.board === board);
}

/** Members may hold any character: only JSON keeps the parts apart. */
function keyOf(...parts: (string | number)[]): string {
  return JSON.stringify(parts);
}

function memberKeyOf(board: string, kind: "me" | "around", member: string | undefined): string {
  return member === undefined ? keyOf(board, kind) : keyOf(board, kind, member);
}
