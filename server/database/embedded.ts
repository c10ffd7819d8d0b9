/**
 * PGlite in DATA_DIR: PostgreSQL compiled to WebAssembly, in this process, served on a unix socket of the folder.
 *
 * The files bear one process only. So the first that asks holds the lock and serves; other processes on the same DATA_DIR (workers)
 * use its socket, and when it has gone the next question makes one of them serve.
 */
import { mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join, resolve } from "node:path";
import { sleep } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type InstanceLock, takeInstanceLock } from "../base/machine/instance-lock.ts";
import { privateSocketPath } from "../base/machine/socket-folder.ts";
import { wholeQuestions } from "./whole-questions.ts";

export type EmbeddedDatabase = {
  /** For the driver. */
  readonly address: { host: string; port: number; user: string; database: string };
  /** Another process serves it. */
  readonly isElsewhere: boolean;
  close(): Promise<void>;
};

/** The name that PostgreSQL's clients make of a folder and this port. */
const PORT = 5432;
const SOCKET = `.s.PGSQL.${PORT}`;
const CONNECTIONS_MAX = 64;
const OTHER_STARTS_MS = 30_000;

/** @throws Error for people when neither the lock can be had nor its holder be reached */
export async function openEmbedded(givenDir: string, log: Log): Promise<EmbeddedDatabase> {
  const dataDir = resolve(givenDir);
  await mkdir(join(dataDir, "database"), { recursive: true, mode: 0o700 });
  const socket = await privateSocketPath(dataDir, SOCKET);
  const address = { host: dirname(socket), port: PORT, user: "postgres", database: "postgres" };
  const endsAt = performance.now() + OTHER_STARTS_MS;
  for (;;) {
    const lock = await takeInstanceLock(join(dataDir, "database.lock"), dataDir).catch(
      (error: unknown) => error as Error,
    );
    if (!(lock instanceof Error)) return serve({ dataDir, socket, address, lock, log });
    if (await answers(socket)) return { address, isElsewhere: true, close: async () => undefined };
    if (performance.now() > endsAt) throw lock;
    // Its holder is starting, or has just gone.
    await sleep(50);
  }
}

type Place = {
  dataDir: string;
  socket: string;
  address: EmbeddedDatabase["address"];
  lock: InstanceLock;
  log: Log;
};

async function serve({ dataDir, socket, address, lock, log }: Place): Promise<EmbeddedDatabase> {
  try {
    // Imported when it is needed: 20 MB of WebAssembly.
    const [{ PGlite }, { PGLiteSocketServer }] = await Promise.all([
      import("@electric-sql/pglite"),
      import("@electric-sql/pglite-socket"),
    ]);
    await rm(socket, { force: true });
    const db = await PGlite.create(join(dataDir, "database"));
    const server = new PGLiteSocketServer({
      db: wholeQuestions(db),
      path: socket,
      maxConnections: CONNECTIONS_MAX,
    });
    await server.start();
    log.info({ dataDir }, "pglite is running");
    return {
      address,
      isElsewhere: false,
      close: async () => {
        await server.stop();
        await db.close();
        await rm(socket, { force: true });
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const probe = connect(socket);
    const end = (is: boolean) => () => {
      probe.destroy();
      done(is);
    };
    probe.once("connect", end(true));
    probe.once("error", end(false));
  });
}
