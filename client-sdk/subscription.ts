/**
 * One question that stays open on the wire while anybody wants its answer: asked, followed, and asked again whenever
 * the connection, the server or a gap demands it. What is asked, and what events mean, is the question's matter.
 *
 * The race at every subscribe: the request and the board's events cross. The acknowledgement comes before any event
 * of its subscription [P-9], so what arrives before it is old and is let go. What arrives behind it may yet be handled
 * first, since an acknowledgement is handed on through a promise: it is held, and judged after the answer.
 */
import { fullJitterMs } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import type { Cancel, Environment } from "./environment.ts";
import { asSdkError, errorFrom, ownError, type SdkError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { ErrorBody } from "./protocol/codes.ts";
import type { BoardInfo } from "./protocol/messages.ts";
import type { Question, Step } from "./question.ts";
import { createStore, type Store } from "./store.ts";
import type { FollowStatus, SubscriptionState } from "./subscription-state.ts";

export type SubscriptionParts = {
  connection: Pick<Connection, "isUp" | "request" | "start">;
  environment: Environment;
  limits: Limits;
  onInfo: (info: BoardInfo) => void;
};

/** Events held until an answer is handled. Dropping the oldest is safe: a later one replaces it, or shows the gap. */
const HELD_MAX = 256;

type Phase = "off" | "asking" | "live" | "waiting" | "leaving" | "failed" | "ended";

export class Subscription<V, E, R extends { info: BoardInfo }> {
  readonly question: Question<V, E, R>;
  readonly #parts: SubscriptionParts;
  readonly #onIdle: () => void;
  readonly #store = createStore<SubscriptionState<V>>({
    status: "loading",
    value: undefined,
    info: undefined,
  });
  #phase: Phase = "off";
  #followers = 0;
  #lingering = false;
  /** The server may be sending us events. */
  #attached = false;
  /** Requests since events last flowed. */
  #tries = 0;
  /** Numbers the requests, so that an answer from before a lost connection is not taken for a newer one's. */
  #round = 0;
  #held: E[] = [];
  #cancelTimer: Cancel = () => {};
  #cancelLinger: Cancel = () => {};

  /** @param onIdle nobody wants it any more, and nothing of it is left on the wire */
  constructor(question: Question<V, E, R>, parts: SubscriptionParts, onIdle: () => void = () => {}) {
    this.question = question;
    this.#parts = parts;
    this.#onIdle = onIdle;
  }

  get state(): Store<SubscriptionState<V>> {
    return this.#store;
  }

  /** Follow until the returned function is called. After an error this is what tries again. */
  follow(): () => void {
    this.#followers++;
    this.#lingering = false;
    this.#cancelLinger();
    if (this.#phase === "failed") this.#phase = "off";
    this.#parts.connection.start();
    this.#reconcile();
    let following = true;
    return () => {
      if (following && --this.#followers === 0) this.#linger();
      following = false;
    };
  }

  /** The connection has come up. */
  up(): void {
    this.#reconcile();
  }

  /** The connection is gone: what is shown is from now on old. */
  down(): void {
    if (this.#phase === "ended") return;
    this.#stop("off");
    this.#attached = false;
    if (this.#store.getSnapshot().status !== "error") this.#publishWaiting();
  }

  end(error: SdkError): void {
    if (this.#phase === "ended") return;
    this.#cancelLinger();
    this.#stop("ended");
    this.#publish({ status: "error", error });
  }

  onEvent(event: E): void {
    if (this.#phase === "asking") this.#hold(event);
    const { value } = this.#store.getSnapshot();
    if (this.#phase !== "live" || value === undefined) return;
    const step = this.question.heard(event, value);
    if (step.kind === "again") this.#askAgain();
    else if (step.kind === "value") {
      this.#tries = 0;
      this.#publish({ status: "live", value: step.value });
    }
  }

  /** The board is in this season, as something else has told. */
  onSeason(season: number): void {
    const { value } = this.#store.getSnapshot();
    if (this.#phase === "live" && value !== undefined && this.question.seasonOf(value) < season)
      this.#askAgain();
  }

  /** [P-16] As if the server had refused to begin with. */
  onEnded(error: ErrorBody): void {
    if (this.#phase === "off" || this.#phase === "ended") return;
    this.#attached = false;
    this.#refused(
      errorFrom(error, ownError("internal", "The server ended the subscription without a reason.")),
    );
  }

  /** The question has changed: what was asked, or is being asked, is not enough. */
  renew(): void {
    if (this.#phase === "live" || this.#phase === "asking") this.#ask();
  }

  #hold(event: E): void {
    this.#held.push(event);
    if (this.#held.length > HELD_MAX) this.#held.shift();
  }

  #linger(): void {
    this.#lingering = true;
    this.#cancelLinger = this.#parts.environment.after(this.#parts.limits.lingerMs, () => {
      this.#lingering = false;
      this.#reconcile();
    });
  }

  /** Bring the wire to what is wanted. One request at a time: the next step waits for the last one's answer. */
  #reconcile(): void {
    const wanted = this.#followers > 0 || this.#lingering;
    if (!wanted && (this.#phase === "off" || this.#phase === "failed")) this.#onIdle();
    if (!this.#parts.connection.isUp) return;
    if (wanted && this.#phase === "off") this.#ask();
    else if (!wanted && (this.#phase === "live" || this.#phase === "waiting")) this.#leave();
  }

  #ask(): void {
    const message = this.question.message(this.#store.getSnapshot().value);
    const round = this.#stop("asking");
    const arrived = (): void => void (round === this.#round && this.#held.splice(0));
    this.#parts.connection.request("subscribe", message, undefined, arrived).then(
      (ack) => {
        if (round !== this.#round) return;
        // The answer is of the kind that was asked for.
        if (ack.ok) this.#answered(ack as unknown as R);
        else
          this.#refused(errorFrom(ack.error, ownError("internal", "The server refused without a reason.")));
      },
      (error: unknown) => {
        if (round === this.#round) this.#refused(asSdkError(error));
      },
    );
    this.#publishWaiting();
  }

  #answered(reply: R): void {
    this.#attached = true;
    this.#parts.onInfo(reply.info);
    const step: Step<V> = this.question.answered(reply, this.#store.getSnapshot().value, this.#held);
    this.#stop("live");
    if (step.kind === "value") this.#publish({ status: "live", value: step.value, info: reply.info });
    else {
      if (step.kind === "again" && step.value !== undefined)
        this.#publish({ status: "stale", value: step.value, info: reply.info });
      this.#askAgain();
    }
    this.#reconcile();
  }

  /** [P-6] At once the first time; what keeps breaking is asked for at a widening pace. */
  #askAgain(): void {
    const { environment, limits } = this.#parts;
    if (this.#phase === "ended") return;
    const tries = this.#tries++;
    if (tries === 0) this.#ask();
    else this.#wait(fullJitterMs(tries - 1, limits, environment.random));
  }

  #refused(error: SdkError): void {
    const { environment, limits } = this.#parts;
    if (error.retryable) {
      this.#wait((error.retryAfterMs ?? 0) + fullJitterMs(this.#tries++, limits, environment.random), error);
    } else {
      this.#stop("failed");
      this.#publish({ status: "error", error });
    }
    this.#reconcile();
  }

  #wait(delayMs: number, error?: SdkError): void {
    this.#stop("waiting");
    this.#cancelTimer = this.#parts.environment.after(delayMs, () => {
      this.#phase = "off";
      this.#reconcile();
    });
    this.#publishWaiting(error);
  }

  #leave(): void {
    const round = this.#stop(this.#attached ? "leaving" : "off");
    const left = (): void => {
      if (round !== this.#round) return;
      this.#attached = false;
      this.#phase = "off";
      this.#reconcile();
    };
    // Left or not, events are ignored from here on, and a later subscribe puts things straight.
    if (this.#attached) this.#parts.connection.request("unsubscribe", this.question.name).then(left, left);
    else this.#onIdle();
    this.#publishWaiting();
  }

  /** Let go of whatever was under way and stand in `phase`. */
  #stop(phase: Phase): number {
    this.#cancelTimer();
    this.#held = [];
    this.#phase = phase;
    return ++this.#round;
  }

  #publishWaiting(error?: SdkError): void {
    const status = this.#store.getSnapshot().value === undefined ? "loading" : "stale";
    this.#publish(error ? { status, error } : { status });
  }

  #publish(change: Partial<SubscriptionState<V>> & { status: FollowStatus }): void {
    const { value, info, status, error } = this.#store.getSnapshot();
    if (change.status === status && change.value === undefined && !change.info && change.error === error)
      return;
    this.#store.set({ value, info, ...change });
  }
}
