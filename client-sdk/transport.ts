/** The only file that knows socket.io-client: one connection at a time, behind an interface that a test can play. */
import { io, type Socket } from "socket.io-client";
import { errorFrom, ownError, type SdkError } from "./errors.ts";
import type {
  Bye,
  ClientEvents,
  Ended,
  Frame,
  LiveWindow,
  Notice,
  ProfilesMessage,
  ServerEvents,
  Snapshot,
  Standing,
} from "./protocol/messages.ts";

export type RequestName = keyof ClientEvents;
export type MessageOf<E extends RequestName> = Parameters<ClientEvents[E]>[0];
/** The acknowledgement of a request: the answer or the error. */
export type AckOf<E extends RequestName> = Parameters<Parameters<ClientEvents[E]>[1]>[0];

export type TransportEvents = ServerEvents & {
  connected: () => void;
  /** The handshake failed. Only a server that refuses for good makes an error that is not retryable. */
  refused: (error: SdkError) => void;
  /** The connection is gone, and with it every request that was not acknowledged. */
  disconnected: (reason: string) => void;
};

export type Transport = {
  /** Begin one connection, in place of any earlier one; `connected` or `refused` follows, unless it hangs. */
  connect: (token: string | undefined) => void;
  /** End the connection. No event of it comes any more. */
  disconnect: () => void;
  /**
   * @param onArrival called when the acknowledgement arrives, before anything that arrived after it is handed on: the
   * promise alone comes too late to tell
   * @throws SdkError `timeout` or `unavailable`, when no acknowledgement came: the server may have acted or not.
   */
  request: <E extends RequestName>(
    event: E,
    message: MessageOf<E>,
    timeoutMs: number,
    onArrival?: () => void,
  ) => Promise<AckOf<E>>;
  on: <E extends keyof TransportEvents>(event: E, listener: TransportEvents[E]) => void;
};

type Listeners = { [E in keyof TransportEvents]: Set<TransportEvents[E]> };

/** @param url of the server; a path in it is kept in front of `/socket.io/`. */
export function createSocketTransport(url: string): Transport {
  const { origin, pathname } = new URL(url);
  const path = `${pathname.replace(/\/$/, "")}/socket.io/`;
  const listeners = noListeners();
  const unanswered = new Set<(error: SdkError) => void>();
  let socket: Socket | undefined;

  const failUnanswered = (message: string): void => {
    for (const fail of [...unanswered]) fail(ownError("unavailable", message));
  };
  const disconnect = (): void => {
    const last = socket;
    socket = undefined;
    last?.off();
    last?.disconnect();
    failUnanswered("The connection was closed before the answer came.");
  };

  return {
    connect: (token) => {
      disconnect();
      // A new socket each time: an old one keeps what it could not send and would send it again by itself,
      // out of order and past the submission's window.
      socket = openSocket(origin, path, token);
      const { connected, refused, disconnected } = listeners;
      socket.on("connect", () => call(connected));
      socket.on("connect_error", (error: Error & { data?: unknown }) => {
        const unreachable = ownError("unavailable", `The server cannot be reached: ${error.message}`, error);
        call(refused, errorFrom(error.data, unreachable));
      });
      socket.on("disconnect", (reason: string) => {
        failUnanswered(`The connection was lost before the answer came (${reason}).`);
        call(disconnected, reason);
      });
      handOn(socket, listeners);
    },
    disconnect,
    request: (event, message, timeoutMs, onArrival) => {
      const current = socket;
      if (!current?.connected) return Promise.reject(ownError("unavailable", "There is no connection."));
      return new Promise((resolve, reject) => {
        const fail = (error: SdkError): void => {
          if (unanswered.delete(fail)) reject(error);
        };
        unanswered.add(fail);
        current.timeout(timeoutMs).emit(event, message, (error: Error | null, ack: unknown) => {
          if (error) fail(ownError("timeout", `No answer to "${event}" within ${timeoutMs} ms.`));
          else if (!isAck<typeof event>(ack))
            fail(ownError("internal", `The answer to "${event}" is no answer.`));
          else if (unanswered.delete(fail)) {
            onArrival?.();
            resolve(ack);
          }
        });
      });
    },
    on: (event, listener) => {
      listeners[event].add(listener);
    },
  };
}

function noListeners(): Listeners {
  return {
    connected: new Set(),
    refused: new Set(),
    disconnected: new Set(),
    frame: new Set(),
    snapshot: new Set(),
    rank: new Set(),
    window: new Set(),
    profiles: new Set(),
    ended: new Set(),
    notice: new Set(),
    bye: new Set(),
  };
}

/** The server's own events, as they come. */
function handOn(socket: Socket, listeners: Listeners): void {
  socket.on("frame", (frame: Frame) => call(listeners.frame, frame));
  socket.on("snapshot", (snapshot: Snapshot) => call(listeners.snapshot, snapshot));
  socket.on("rank", (standing: Standing) => call(listeners.rank, standing));
  socket.on("window", (window: LiveWindow) => call(listeners.window, window));
  socket.on("profiles", (message: ProfilesMessage) => call(listeners.profiles, message));
  socket.on("ended", (ended: Ended) => call(listeners.ended, ended));
  socket.on("notice", (notice: Notice) => call(listeners.notice, notice));
  socket.on("bye", (bye: Bye) => call(listeners.bye, bye));
}

function openSocket(origin: string, path: string, token: string | undefined): Socket {
  return io(origin, {
    path,
    transports: ["websocket"],
    // Its back-off has no jitter left from the fifth attempt on; the client has its own. [P-13]
    reconnection: false,
    forceNew: true,
    auth: token === undefined ? {} : { token },
  });
}

function call<A extends unknown[]>(listeners: Iterable<(...args: A) => void>, ...args: A): void {
  for (const listener of listeners) listener(...args);
}

function isAck<E extends RequestName>(ack: unknown): ack is AckOf<E> {
  return typeof ack === "object" && ack !== null && typeof (ack as { ok?: unknown }).ok === "boolean";
}
