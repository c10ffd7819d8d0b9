/**
 * One view of one board, followed on the wire while anybody wants it. [P-4]–[P-9]
 *
 * The race at every subscribe: the request and the board's frames cross. The acknowledgement comes before any
 * frame that follows its position [P-9], so what arrives earlier is old — but "earlier" cannot be told here: an
 * acknowledgement is handed on through a promise, and a frame that came right behind it may be handled first.
 * Therefore everything that arrives while an answer is awaited is held, and goes through the ordinary checks after
 * the answer: old frames fall away, the next one fits, and anything else is a gap and asked for again.
 */
import { fullJitterMs } from "./backoff.ts";
import { applyFrame, applyFrames, type BoardView, catchUp, viewOf } from "./board-view.ts";
import type { Connection } from "./connection.ts";
import type { Cancel, Environment } from "./environment.ts";
import { asSdkError, errorFrom, ownError, type SdkError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { ErrorBody } from "./protocol/codes.ts";
import type { BoardInfo, Frame, Snapshot, TopReply, ViewSize } from "./protocol/messages.ts";
import { createStore, type Store } from "./store.ts";

/** `loading`: nothing yet. `stale`: the rows are right but old, newer ones are asked for. `error`: given up. */
export type FollowStatus = "loading" | "live" | "stale" | "error";

export type SubscriptionState = {
  status: FollowStatus;
  view: BoardView | undefined;
  info: BoardInfo | undefined;
  error?: SdkError;
};

export type SubscriptionOptions = {
  board: string;
  view: ViewSize;
  connection: Pick<Connection, "isUp" | "request" | "start">;
  environment: Environment;
  limits: Limits;
  onInfo: (info: BoardInfo) => void;
};

/** Events held while an answer is awaited. Dropping the oldest is safe: if it was needed, the next one shows the gap. */
const HELD_MAX = 256;

type Phase = "off" | "asking" | "live" | "waiting" | "leaving" | "failed" | "ended";

export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #store = createStore<SubscriptionState>({ status: "loading", view: undefined, info: undefined });
  #phase: Phase = "off";
  #followers = 0;
  #lingering = false;
  /** The server may be sending us this view. */
  #attached = false;
  /** The server's answer did not fit our position: ask for a whole view. */
  #positionRefused = false;
  /** Requests since frames last flowed. */
  #tries = 0;
  /** Numbers the requests, so that an answer from before a lost connection is not taken for a newer one's. */
  #round = 0;
  #held: (Frame | Snapshot)[] = [];
  #cancelTimer: Cancel = () => {};
  #cancelLinger: Cancel = () => {};

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  get state(): Store<SubscriptionState> {
    return this.#store;
  }

  /** Follow until the returned function is called. After an error this is what tries again. */
  follow(): () => void {
    this.#followers++;
    this.#lingering = false;
    this.#cancelLinger();
    if (this.#phase === "failed") this.#phase = "off";
    this.#options.connection.start();
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

  onFrame(frame: Frame): void {
    if (this.#phase === "asking") this.#hold(frame);
    const { view } = this.#store.getSnapshot();
    if (this.#phase !== "live" || !view) return;
    const applied = applyFrame(view, frame);
    if (applied.kind === "gap") this.#askAgain();
    else this.#tries = 0;
    if (applied.kind === "applied") this.#publish({ status: "live", view: applied.view });
  }

  /** [P-8] A new season comes this way, and perhaps with new rules: those come only with a subscribe. */
  onSnapshot(snapshot: Snapshot): void {
    if (this.#phase === "asking") this.#hold(snapshot);
    if (this.#phase !== "live") return;
    if (snapshot.season !== this.#store.getSnapshot().view?.season) this.#askAgain();
    else this.#publish({ status: "live", view: viewOf(snapshot) });
  }

  /** [P-16] As if the server had refused to begin with. */
  onEnded(error: ErrorBody): void {
    if (this.#phase === "off" || this.#phase === "ended") return;
    this.#attached = false;
    this.#refused(
      errorFrom(error, ownError("internal", "The server ended the subscription without a reason.")),
    );
  }

  #hold(event: Frame | Snapshot): void {
    this.#held.push(event);
    if (this.#held.length > HELD_MAX) this.#held.shift();
  }

  #linger(): void {
    this.#lingering = true;
    this.#cancelLinger = this.#options.environment.after(this.#options.limits.lingerMs, () => {
      this.#lingering = false;
      this.#reconcile();
    });
  }

  /** Bring the wire to what is wanted. One request at a time: the next step waits for the last one's answer. */
  #reconcile(): void {
    const wanted = this.#followers > 0 || this.#lingering;
    if (!this.#options.connection.isUp) return;
    if (wanted && this.#phase === "off") this.#ask();
    else if (!wanted && (this.#phase === "live" || this.#phase === "waiting")) this.#leave();
  }

  #ask(): void {
    const { board, view: size, connection } = this.#options;
    const { view } = this.#store.getSnapshot();
    const position = view && !this.#positionRefused ? { position: view.position } : {};
    const round = this.#stop("asking");
    connection.request("subscribe", { board, kind: "top", view: size, ...position }).then(
      (ack) => {
        if (round !== this.#round) return;
        if (ack.ok) this.#answered(ack as TopReply);
        else
          this.#refused(errorFrom(ack.error, ownError("internal", "The server refused without a reason.")));
      },
      (error: unknown) => {
        if (round === this.#round) this.#refused(asSdkError(error));
      },
    );
    this.#publishWaiting();
  }

  #answered(reply: TopReply): void {
    this.#attached = true;
    this.#options.onInfo(reply.info);
    const { view: before } = this.#store.getSnapshot();
    const answer =
      reply.mode === "snapshot" ? viewOf(reply.snapshot) : before && applyFrames(before, reply.frames);
    this.#positionRefused = answer === undefined;
    const view = answer && catchUp(answer, this.#held);
    this.#stop("live");
    if (view) this.#publish({ status: "live", view, info: reply.info });
    else {
      if (answer) this.#publish({ status: "stale", view: answer, info: reply.info });
      this.#askAgain();
    }
    this.#reconcile();
  }

  /** [P-6] At once the first time; a view that keeps breaking is asked for at a widening pace. */
  #askAgain(): void {
    const { environment, limits } = this.#options;
    if (this.#phase === "ended") return;
    const tries = this.#tries++;
    if (tries === 0) this.#ask();
    else this.#wait(fullJitterMs(tries - 1, limits, environment.random));
  }

  #refused(error: SdkError): void {
    const { environment, limits } = this.#options;
    if (error.retryable) {
      this.#wait((error.retryAfterMs ?? 0) + fullJitterMs(this.#tries++, limits, environment.random), error);
      this.#reconcile();
    } else {
      this.#stop("failed");
      this.#publish({ status: "error", error });
    }
  }

  #wait(delayMs: number, error?: SdkError): void {
    this.#stop("waiting");
    this.#cancelTimer = this.#options.environment.after(delayMs, () => {
      this.#phase = "off";
      this.#reconcile();
    });
    this.#publishWaiting(error);
  }

  #leave(): void {
    const round = this.#stop(this.#attached ? "leaving" : "off");
    if (this.#attached) {
      const { board, view, connection } = this.#options;
      const left = (): void => {
        if (round !== this.#round) return;
        this.#attached = false;
        this.#phase = "off";
        this.#reconcile();
      };
      // Left or not, frames are ignored from here on, and a later subscribe puts things straight.
      connection.request("unsubscribe", { board, kind: "top", view }).then(left, left);
    }
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
    const status = this.#store.getSnapshot().view ? "stale" : "loading";
    this.#publish(error ? { status, error } : { status });
  }

  #publish(change: Partial<SubscriptionState> & { status: FollowStatus }): void {
    const { view, info, status, error } = this.#store.getSnapshot();
    if (change.status === status && !change.view && !change.info && change.error === error) return;
    this.#store.set({ view, info, ...change });
  }
}
