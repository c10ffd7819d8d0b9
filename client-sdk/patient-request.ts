/** Requests that an application waits for: they outlast a short loss of the connection. */
import type { Connection, ConnectionState } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { errorFrom, ownError } from "./errors.ts";
import type { AckOf, MessageOf, RequestName } from "./transport.ts";

/** What a request is answered with when all is well. */
export type AnswerOf<E extends RequestName> = Extract<AckOf<E>, { ok: true }>;

/** Resolves when `connection` is connected, connecting it first if nobody has. @throws SdkError when it is closed. */
export async function whenConnected(connection: Connection): Promise<void> {
  connection.start();
  const state = await reached(connection, ({ status }) => status === "connected" || status === "closed");
  if (state.status === "closed") throw state.reason;
}

/**
 * Ask for something that may be asked twice, as reads may: a connection that is lost before the answer is waited for.
 *
 * @throws SdkError the server's refusal, `timeout` after `timeoutMs` in all, or why the client is closed.
 */
export async function ask<E extends RequestName>(
  connection: Connection,
  environment: Environment,
  timeoutMs: number,
  event: E,
  message: MessageOf<E>,
): Promise<AnswerOf<E>> {
  const deadline = environment.now() + timeoutMs;
  for (;;) {
    await beforeDeadline(whenConnected(connection), environment, deadline, event);
    const ack = await connection
      .request(event, message, Math.max(1, deadline - environment.now()))
      .catch((error: unknown) => {
        if (connection.isUp) throw error;
        return undefined;
      });
    if (!ack) continue;
    if (ack.ok) return ack as AnswerOf<E>;
    throw errorFrom(ack.error, ownError("internal", `The server refused "${event}" without a reason.`));
  }
}

function reached(
  connection: Connection,
  wanted: (state: ConnectionState) => boolean,
): Promise<ConnectionState> {
  const now = connection.state.getSnapshot();
  if (wanted(now)) return Promise.resolve(now);
  return new Promise((resolve) => {
    const unsubscribe = connection.state.subscribe(() => {
      const state = connection.state.getSnapshot();
      if (!wanted(state)) return;
      unsubscribe();
      resolve(state);
    });
  });
}

function beforeDeadline<T>(
  promise: Promise<T>,
  environment: Environment,
  deadline: number,
  event: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = environment.after(Math.max(0, deadline - environment.now()), () =>
      reject(ownError("timeout", `No connection in time for "${event}".`)),
    );
    promise.then(resolve, reject).finally(cancel);
  });
}
