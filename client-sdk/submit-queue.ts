/**
 * Submissions from the call until their outcome is known: sent at least once, counted at most once. [P-11]
 *
 * Each board has a lane, oldest first. A lane pauses alone when its board is refused for a while; lanes share
 * the bounds on what waits and on what is on the wire.
 */
import { fullJitterMs } from "./backoff.ts";
import type { BoardMemory } from "./board-memory.ts";
import type { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { asSdkError, errorFrom, ownError, type SdkError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { SubmissionResult, SubmitMessage } from "./protocol/messages.ts";
import type { Signer } from "./signer.ts";
import { type Lane, newLane, newPending, oldestWaiting, type Pending, seasonless } from "./submit-lane.ts";
import type { AckOf } from "./transport.ts";

export type SubmitQueueOptions = {
  connection: Pick<Connection, "isUp" | "request">;
  memory: BoardMemory;
  environment: Environment;
  limits: Limits;
  /** Where the client has a signing secret. */
  sign?: Signer;
};

const NO_REASON = ownError("internal", "The server refused the request without a reason.");

export class SubmitQueue {
  readonly #options: SubmitQueueOptions;
  readonly #lanes = new Map<string, Lane>();
  #size = 0;
  #inFlight = 0;
  #sequence = 0;
  #ended: SdkError | undefined;

  constructor(options: SubmitQueueOptions) {
    this.#options = options;
  }

  /** @throws SdkError when the outcome is a refusal, or will never be known (`unconfirmed`). */
  submit(submission: SubmitMessage): Promise<SubmissionResult> {
    const { connection, environment, limits, memory } = this.#options;
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#size >= limits.pendingMax) {
      return Promise.reject(
        ownError("queue_full", `${this.#size} submissions wait for their acknowledgement.`),
      );
    }
    const known = memory.seasonNow(submission.board, connection.isUp);
    // The id is made here, once, whatever happens to the connection: every retry carries the same one.
    const message = { ...submission, id: submission.id ?? environment.newId() };
    if (known) message.season = known.season;
    return new Promise((resolve, reject) => {
      this.#size++;
      const lane = this.#lanes.get(message.board) ?? newLane(message.board);
      this.#lanes.set(message.board, lane);
      lane.items.push(newPending(message, known?.operator, this.#sequence++, { resolve, reject }));
      this.pump();
    });
  }

  /** Send what may be sent. To be called whenever the connection has come up. */
  pump(): void {
    const { connection, limits } = this.#options;
    while (connection.isUp && this.#inFlight < limits.inFlightMax) {
      const next = this.#next();
      if (!next) return;
      this.#send(next.lane, next.item);
    }
  }

  /** Give up on everything: what may have counted is `unconfirmed`, what certainly has not gets `reason`. */
  end(reason: SdkError): void {
    this.#ended = reason;
    for (const lane of [...this.#lanes.values()]) {
      for (const item of [...lane.items]) this.#refuse(lane, item, reason);
    }
  }

  /** The oldest submission whose lane lets it go. */
  #next(): { lane: Lane; item: Pending } | undefined {
    let oldest: { lane: Lane; item: Pending } | undefined;
    for (const lane of this.#lanes.values()) {
      const item = lane.paused ? undefined : oldestWaiting(lane);
      if (!item) continue;
      if (item.message.season === undefined) this.#askSeason(lane);
      // On a `set` board the last submission must win, and one that is refused for a while would be overtaken.
      else if (item.operator === "set" && lane.inFlight > 0) continue;
      else if (!oldest || item.sequence < oldest.item.sequence) oldest = { lane, item };
    }
    return oldest;
  }

  #send(lane: Lane, item: Pending): void {
    const { environment, limits } = this.#options;
    const now = environment.now();
    if (item.firstSentAt === undefined) {
      item.firstSentAt = now;
      // From the first send, not from creation: what never left may wait as long as it likes. `best` forgives repeats.
      if (item.operator !== "best") {
        item.cancelExpiry = environment.after(limits.confirmWithinMs, () => this.#expire(lane, item));
      }
    } else if (item.operator !== "best" && now - item.firstSentAt >= limits.confirmWithinMs) {
      // The timer may be late: a device that slept wakes with the connection before its timers.
      this.#expire(lane, item);
      return;
    }
    item.inFlight = true;
    lane.inFlight++;
    this.#inFlight++;
    this.#request(item.message).then(
      (ack) => {
        this.#back(lane, item);
        if (!item.settled) this.#answered(lane, item, ack);
        this.pump();
      },
      (error: unknown) => {
        this.#back(lane, item);
        if (!item.settled) this.#unanswered(lane, item, asSdkError(error));
        this.pump();
      },
    );
  }

  /** Signed anew for each send: the session may be another one by then. */
  #request(message: SubmitMessage): Promise<AckOf<"submit">> {
    const { connection, sign } = this.#options;
    if (!sign) return connection.request("submit", message);
    return sign(message).then((signed) => connection.request("submit", signed));
  }

  #back(lane: Lane, item: Pending): void {
    item.inFlight = false;
    lane.inFlight--;
    this.#inFlight--;
  }

  #answered(lane: Lane, item: Pending, ack: AckOf<"submit">): void {
    if (ack.ok) {
      lane.refusals = 0;
      this.#options.memory.hear(lane.board, ack.season);
      this.#settle(lane, item);
      item.resolve(ack.result);
      return;
    }
    const error = errorFrom(ack.error, NO_REASON);
    if (error.code === "season_closed") this.#options.memory.forget(lane.board);
    if (error.retryable) {
      if (error.code === "unavailable" || error.code === "internal") item.uncertain = true;
      this.#pause(lane, error.retryAfterMs);
    } else this.#refuse(lane, item, error);
  }

  #unanswered(lane: Lane, item: Pending, error: SdkError): void {
    if (!error.retryable) {
      this.#refuse(lane, item, error);
      return;
    }
    item.uncertain = true;
    // A lost connection has a wait of its own; a server that is there but silent is given time here.
    if (this.#options.connection.isUp) this.#pause(lane);
  }

  #expire(lane: Lane, item: Pending): void {
    this.#settle(lane, item);
    const { confirmWithinMs } = this.#options.limits;
    item.reject(
      ownError("unconfirmed", `No acknowledgement within ${confirmWithinMs} ms of the first send.`),
    );
  }

  /** A refusal speaks of its own send only: when an earlier one got no answer, nobody knows whether that one counted. */
  #refuse(lane: Lane, item: Pending, error: SdkError): void {
    this.#settle(lane, item);
    const unknown = item.uncertain || item.inFlight;
    const message = `An earlier send got no answer, and no other can be made: ${error.message}`;
    item.reject(unknown ? ownError("unconfirmed", message, error) : error);
  }

  #settle(lane: Lane, item: Pending): void {
    item.settled = true;
    item.cancelExpiry();
    lane.items.splice(lane.items.indexOf(item), 1);
    this.#size--;
    if (lane.items.length > 0) return;
    lane.cancelPause();
    this.#lanes.delete(lane.board);
  }

  #askSeason(lane: Lane): void {
    if (lane.asking) return;
    lane.asking = true;
    const { connection, memory } = this.#options;
    connection.request("board", { board: lane.board }).then(
      (ack) => {
        lane.asking = false;
        if (ack.ok) {
          memory.learn(ack.info);
          lane.refusals = 0;
          for (const item of seasonless(lane)) {
            item.message.season = ack.info.season.number;
            item.operator = ack.info.operator;
          }
        } else this.#noSeason(lane, errorFrom(ack.error, NO_REASON));
        this.pump();
      },
      (error: unknown) => {
        lane.asking = false;
        if (connection.isUp) this.#noSeason(lane, asSdkError(error));
      },
    );
  }

  #noSeason(lane: Lane, error: SdkError): void {
    if (error.retryable) this.#pause(lane, error.retryAfterMs);
    else for (const item of seasonless(lane)) this.#refuse(lane, item, error);
  }

  #pause(lane: Lane, retryAfterMs = 0): void {
    if (lane.paused || lane.items.length === 0) return;
    const { environment, limits } = this.#options;
    lane.paused = true;
    const waitMs = retryAfterMs + fullJitterMs(lane.refusals++, limits, environment.random);
    lane.cancelPause = environment.after(waitMs, () => {
      lane.paused = false;
      this.pump();
    });
  }
}
