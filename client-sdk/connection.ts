/**
 * The life of the connection: disconnected → connecting → connected, round and round, until it is closed for good.
 * Exactly one timer runs at a time: the handshake's limit, the wait for the next try, or the proof of stability.
 */
import { fullJitterMs } from "./backoff.ts";
import type { Cancel, Environment } from "./environment.ts";
import { asSdkError, ownError, type SdkError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { Bye } from "./protocol/messages.ts";
import { createStore, type Store } from "./store.ts";
import type { AckOf, MessageOf, RequestName, Transport } from "./transport.ts";

export type ConnectionState =
  /** Not asked to connect yet, or waiting for the next try, which comes by itself; `reason` says why. */
  | { status: "disconnected"; reason?: SdkError }
  | { status: "connecting" }
  | { status: "connected" }
  /** Final: `close()` was called, or the server said that coming back does not help. */
  | { status: "closed"; reason: SdkError };

/** A session token; undefined means spectator. May be asked again when the server answers `unauthorized`. */
export type TokenSource = () => string | undefined | Promise<string | undefined>;

export type ConnectionOptions = {
  transport: Transport;
  environment: Environment;
  limits: Limits;
  token?: string;
  getToken?: TokenSource;
};

/** Room for the event's name and the acknowledgement's number below the server's 24 KiB. [P-14] */
const MESSAGE_BYTES_MAX = 24 * 1024 - 256;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #state = createStore<ConnectionState>({ status: "disconnected" });
  #started = false;
  #failures = 0;
  /** Numbers the tries, so that a token which comes late does not open a second connection. */
  #try = 0;
  #token: string | undefined;
  #tokenKnown = false;
  #tokenAskedAgain = false;
  /** A `bye` has already set the time of return. */
  #returning = false;
  #cancelTimer: Cancel = () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { transport } = options;
    transport.on("connected", () => this.#connected());
    transport.on("refused", (error) => this.#failed(error));
    transport.on("disconnected", (reason) => this.#lost(reason));
    transport.on("bye", (bye) => this.#leave(bye));
  }

  get state(): Store<ConnectionState> {
    return this.#state;
  }

  get isUp(): boolean {
    return this.#state.getSnapshot().status === "connected";
  }

  /** Connect if nobody has yet. Does not shorten a wait between two tries: the wait protects the server. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#open();
  }

  close(reason: SdkError): void {
    if (this.#state.getSnapshot().status === "closed") return;
    this.#started = true;
    this.#try++;
    this.#cancelTimer();
    this.#options.transport.disconnect();
    this.#state.set({ status: "closed", reason });
  }

  /** @throws SdkError when no acknowledgement came, or none can: then it is not retryable and nothing was sent. */
  async request<E extends RequestName>(
    event: E,
    message: MessageOf<E>,
    timeoutMs?: number,
    onArrival?: () => void,
  ): Promise<AckOf<E>> {
    if (!this.isUp) throw ownError("unavailable", "There is no connection.");
    refuseUnsendable(message);
    return this.#options.transport.request(
      event,
      message,
      timeoutMs ?? this.#options.limits.requestTimeoutMs,
      onArrival,
    );
  }

  #open(): void {
    if (this.#state.getSnapshot().status === "closed") return;
    const current = ++this.#try;
    const { connectTimeoutMs } = this.#options.limits;
    this.#returning = false;
    this.#setTimer(connectTimeoutMs, () =>
      this.#failed(ownError("timeout", `No connection within ${connectTimeoutMs} ms.`)),
    );
    this.#askToken().then(
      (token) => {
        if (current === this.#try) this.#options.transport.connect(token);
      },
      (error) => {
        if (current === this.#try) this.#failed(asSdkError(error));
      },
    );
    // Last, as everywhere here: a listener may close the client, and nothing may be started after that.
    this.#state.set({ status: "connecting" });
  }

  async #askToken(): Promise<string | undefined> {
    const { token, getToken } = this.#options;
    if (!getToken) return token;
    if (!this.#tokenKnown) {
      this.#token = await getToken();
      this.#tokenKnown = true;
    }
    return this.#token;
  }

  #connected(): void {
    this.#tokenAskedAgain = false;
    // Only a connection that lasts proves the server well: one that accepts and drops must not be hammered. [P-13]
    this.#setTimer(this.#options.limits.stableAfterMs, () => {
      this.#failures = 0;
    });
    this.#state.set({ status: "connected" });
  }

  #failed(error: SdkError): void {
    this.#try++;
    this.#options.transport.disconnect();
    if (error.code === "unauthorized" && this.#options.getToken && !this.#tokenAskedAgain) {
      this.#tokenAskedAgain = true;
      this.#tokenKnown = false;
      this.#open();
    } else if (error.retryable) {
      this.#retryLater(error);
    } else {
      this.close(error);
    }
  }

  #lost(reason: string): void {
    const error = ownError("unavailable", `The connection was lost (${reason}).`);
    if (!this.isUp) this.#failed(error);
    else if (this.#returning) this.#state.set({ status: "disconnected", reason: error });
    else this.#retryLater(error);
  }

  /** [P-12] The wait begins with the `bye`, so a server that fails to close does not hold the client. */
  #leave({ code, reconnect, afterMs: [min, max] }: Bye): void {
    const error = ownError(code, `The server ended the connection: ${code}.`);
    if (!reconnect) {
      this.close(error);
      return;
    }
    this.#returning = true;
    this.#setTimer(min + this.#options.environment.random() * (max - min), () => {
      this.#options.transport.disconnect();
      if (this.isUp) this.#state.set({ status: "disconnected", reason: error });
      this.#open();
    });
  }

  #retryLater(error: SdkError): void {
    const { limits, environment } = this.#options;
    const waitMs = (error.retryAfterMs ?? 0) + fullJitterMs(this.#failures++, limits, environment.random);
    this.#setTimer(waitMs, () => this.#open());
    this.#state.set({ status: "disconnected", reason: error });
  }

  #setTimer(delayMs: number, action: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.environment.after(delayMs, action);
  }
}

/**
 * The server closes a connection over a message that is too large, and a submission is sent again after every
 * reconnection: one such message would keep the client out for ever.
 */
function refuseUnsendable(message: unknown): void {
  let text: string;
  try {
    text = JSON.stringify(message);
  } catch (error) {
    throw ownError("bad_request", "The message holds a value that JSON cannot carry.", error);
  }
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MESSAGE_BYTES_MAX) throw ownError("payload_too_large", `The message has ${bytes} bytes.`);
}
