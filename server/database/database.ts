/**
 * The relational store, for what must outlive Redis: PostgreSQL, or PGlite in DATA_DIR where no DATABASE_URL is given.
 *
 * Both are spoken to over PostgreSQL's own protocol, with the same tables and the same queries. It is opened at the first question,
 * because PGlite takes a second and 300 MB, and a board that needs no profiles and no keys needs no database.
 */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type EmbeddedDatabase, openEmbedded } from "./embedded.ts";
import { migrate } from "./migrations.ts";
import type { Tables } from "./table-types.ts";

export type DatabaseOptions = {
  /** `postgres://…`; without it PGlite in `dataDir`. */
  url?: string | undefined;
  dataDir: string;
  /** Connections of this process. */
  connectionsMax: number;
  /** A query, or the wait for a connection, that takes longer fails with `unavailable`. */
  timeoutMs: number;
  log: Log;
};

export type Sql = Kysely<Tables>;

type Opened = { sql: Sql; embedded: EmbeddedDatabase | undefined };

const OLDEST = 140_000;

export class Database {
  readonly #options: DatabaseOptions;
  #opening: Promise<Opened> | undefined;
  #opened: Opened | undefined;
  #closed = false;
  #isAway = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
  }

  /** Whether a question has been asked of it yet. */
  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** Whether the last question could not be asked. While it is so, each look asks again in the background. */
  get isAway(): boolean {
    if (this.#isAway) this.run((db) => sql`select 1`.execute(db)).catch(() => undefined);
    return this.#isAway;
  }

  /** Open it now. What fails is tried again by the next call. @throws AppError unavailable */
  async ready(): Promise<void> {
    await this.#open();
  }

  /** Ask, within one connection or a transaction of the caller's own. @throws AppError unavailable, and what `question` throws itself */
  async run<T>(question: (sql: Sql) => Promise<T>): Promise<T> {
    const opened = await this.#open();
    try {
      const answer = await question(opened.sql);
      this.#isAway = false;
      return answer;
    } catch (error) {
      const known = fromDatabaseError(error);
      this.#isAway = isUnavailable(known);
      // Whoever served PGlite's socket is gone: the next question serves it here.
      if (this.#isAway && opened.embedded?.isElsewhere) await this.#forget(opened);
      throw known;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = await this.#opening?.catch(() => undefined);
    if (opened) await this.#forget(opened);
  }

  #open(): Promise<Opened> {
    if (this.#closed)
      return Promise.reject(new AppError("unavailable", { message: "The server is stopping." }));
    this.#opening ??= this.#connect().then(
      (opened) => {
        this.#opened = opened;
        this.#isAway = false;
        return opened;
      },
      (error: unknown) => {
        this.#opening = undefined;
        this.#isAway = true;
        const known = fromDatabaseError(error);
        const message = `The database cannot be opened: ${(error as Error).message}`;
        this.#options.log.error({ err: error }, "database");
        throw known instanceof AppError ? known : new AppError("unavailable", { message, cause: error });
      },
    );
    return this.#opening;
  }

  async #connect(): Promise<Opened> {
    const { url, dataDir, log, timeoutMs, connectionsMax } = this.#options;
    const embedded = url === undefined ? await openEmbedded(dataDir, log) : undefined;
    const pool = new pg.Pool({
      ...(embedded ? embedded.address : { connectionString: url }),
      max: connectionsMax,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      ...(embedded ? {} : { statement_timeout: timeoutMs, application_name: "rankwire" }),
      types: { getTypeParser },
    });
    // An idle connection that breaks is replaced by the next question. One that breaks between two statements of a transaction says so by
    // itself, with nobody else listening; its next statement fails.
    pool.on("error", (error) => log.warn({ err: error }, "database connection lost"));
    pool.on("connect", (client) => client.on("error", () => undefined));
    const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    try {
      await refuseOld(pool);
      const done = await migrate(kysely as Kysely<unknown>);
      log.info({ database: embedded ? "pglite" : "postgresql", migrations: done }, "database is open");
      return { sql: kysely, embedded };
    } catch (error) {
      await kysely.destroy();
      await embedded?.close();
      throw error;
    }
  }

  async #forget(opened: Opened): Promise<void> {
    if (this.#opened !== opened) return;
    this.#opened = undefined;
    this.#opening = undefined;
    await opened.sql.destroy();
    await opened.embedded?.close();
  }
}

const BIGINT = 20;

/** bigint as a number: none of ours passes 2^53. */
const getTypeParser = ((oid: number, format?: "text") =>
  oid === BIGINT ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;

async function refuseOld(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ server_version_num: string }>("show server_version_num");
  const version = Number(rows[0]?.server_version_num);
  if (version < OLDEST)
    throw new Error(`PostgreSQL ${Math.floor(version / 10_000)} is too old; 14 or newer.`);
}

/** Classes of SQLSTATE that mean "not now": connection, resources, intervention, a failed system. */
const AWAY = /^(08|53|57|58|25006|40001|40P01)/;
const NETWORK = /^(ECONN|EPIPE|ENOENT|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST)/;
const TIMEOUTS = /timeout|Connection terminated|not queryable|Cannot use a pool/i;

/** Of an AppError of ours: nobody answered, rather than that the address, the password or the tables are wrong. */
export function isAway(error: unknown): boolean {
  return isUnavailable(error) && isUnavailable(fromDatabaseError((error as AppError).cause));
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === "unavailable";
}

/** What the driver throws, in the words of our table; errors of our own and mistakes of ours as they are. */
export function fromDatabaseError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (!AWAY.test(code) && !NETWORK.test(code) && !(code === "" && TIMEOUTS.test(message))) return error;
  return new AppError("unavailable", { message: "The database did not answer.", cause: error });
}
