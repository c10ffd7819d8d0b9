/**
 * PGlite has one session for all connections of its socket, and pglite-socket 0.2.17 takes turns among them message by message, except
 * in a transaction. A question with parameters is several messages (parse, bind, execute, sync) on one unnamed statement, so that two
 * connections would get each other's. Here a question counts as a transaction until its end.
 */
import type { PGlite } from "@electric-sql/pglite";

/** First bytes of the messages after which a question goes on: Parse, Bind, Describe, Execute, Close, Flush. */
const GOES_ON = new Set([..."PBDECH"].map((letter) => letter.charCodeAt(0)));

/** The same database, for the socket's server: it says that it is in a transaction while a question is half told. */
export function wholeQuestions(db: PGlite): PGlite {
  let isHalf = false;
  const own: Partial<PGlite> = {
    isInTransaction: () => isHalf || db.isInTransaction(),
    execProtocolRawStream: async (message, options) => {
      isHalf = GOES_ON.has(message[0] ?? 0);
      await db.execProtocolRawStream(message, options);
    },
    // The server's ROLLBACK for a connection that has gone.
    exec: async (...args) => {
      isHalf = false;
      return db.exec(...args);
    },
  };
  return new Proxy(db, {
    get: (target, name) => {
      const value: unknown = Reflect.get(name in own ? own : target, name);
      return typeof value === "function" && !(name in own) ? value.bind(target) : value;
    },
  });
}
