import { ownError, SdkError, type SdkErrorBody } from "../../client-sdk/errors.ts";
import type { MessageOf, RequestName, Transport, TransportEvents } from "../../client-sdk/transport.ts";

type Sent = {
  event: RequestName;
  message: unknown;
  arrived: () => void;
  answer: (ack: unknown) => void;
  fail: (error: SdkError) => void;
};

/** The SDK's own seam, played by hand: the test accepts connections, answers requests and sends events. */
export class FakeTransport implements Transport {
  readonly #listeners = new Map<string, ((...args: never[]) => void)[]>();
  #up = false;
  /** The token of every connection that was begun. */
  readonly tokens: (string | undefined)[] = [];
  /** Requests without an answer yet, oldest first. */
  readonly open: Sent[] = [];
  /** Every request there ever was. */
  readonly sent: { event: RequestName; message: unknown }[] = [];

  readonly connect = (token: string | undefined): void => {
    this.tokens.push(token);
  };

  readonly disconnect = (): void => {
    this.#up = false;
    this.#failOpen();
  };

  readonly request: Transport["request"] = (event, message, _timeoutMs, onArrival) => {
    if (!this.#up) return Promise.reject(ownError("unavailable", "There is no connection."));
    this.sent.push({ event, message: structuredClone(message) });
    return new Promise((resolve, reject) => {
      const arrived = (): void => onArrival?.();
      this.open.push({ event, message, arrived, answer: resolve as (ack: unknown) => void, fail: reject });
    });
  };

  readonly on = <E extends keyof TransportEvents>(event: E, listener: TransportEvents[E]): void => {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  };

  emit<E extends keyof TransportEvents>(event: E, ...args: Parameters<TransportEvents[E]>): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...(args as never[]));
  }

  accept(): void {
    this.#up = true;
    this.emit("connected");
  }

  refuse(error: Partial<SdkErrorBody>): void {
    this.emit("refused", new SdkError(bodyOf(error)));
  }

  /** Lose the connection, if the client has not ended it itself: then it hears nothing more of it. */
  drop(): void {
    if (!this.#up) return;
    this.#up = false;
    this.#failOpen();
    this.emit("disconnected", "transport close");
  }

  /** Messages of the requests that wait for an answer. */
  waiting<E extends RequestName>(event: E): MessageOf<E>[] {
    return this.open.filter((one) => one.event === event).map(({ message }) => message as MessageOf<E>);
  }

  /** Answer the oldest open request of that name. */
  answer(event: RequestName, answer: object): void {
    const taken = this.#take(event);
    taken.arrived();
    taken.answer({ ok: true, ...answer });
  }

  answerError(event: RequestName, error: Partial<SdkErrorBody>): void {
    this.#take(event).answer({ ok: false, error: bodyOf(error) });
  }

  timeOut(event: RequestName): void {
    this.#take(event).fail(ownError("timeout", "No answer."));
  }

  #take(event: RequestName): Sent {
    const index = this.open.findIndex((one) => one.event === event);
    if (index < 0) throw new Error(`No "${event}" waits for an answer; ${JSON.stringify(this.open)} do`);
    return this.open.splice(index, 1)[0]!;
  }

  #failOpen(): void {
    for (const { fail } of this.open.splice(0)) fail(ownError("unavailable", "The connection was lost."));
  }
}

export function bodyOf(error: Partial<SdkErrorBody>): SdkErrorBody {
  return {
    code: "internal",
    message: "refused by the test",
    remediation: "none",
    retryable: false,
    ...error,
  };
}
