/**
 * The table of endpoints: made, listed, changed, rotated and removed. Secrets leave it when they are made, and to sign with. After each
 * change Redis gets another version, by which the processes that deliver know that they have to read it again.
 */
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import { newEpoch } from "../base/ids.ts";
import type { Database, Sql } from "../database/database.ts";
import type { WebhookEndpointRow } from "../database/webhook-table-types.ts";
import { webhooksVersionKey } from "../redis/keys.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import { type Listening, listensToMoreTops } from "./event-types.ts";
import { newSigningSecret } from "./signature.ts";

export type NewEndpoint = Listening & { url: string; description?: string | undefined };
export type EndpointChange = { [Field in keyof NewEndpoint]?: NewEndpoint[Field] | undefined } & {
  disabled?: boolean | undefined;
};

/** Any number, the same for everybody who makes an endpoint. */
const NEW_ENDPOINT_LOCK = 7_267_003;
const ID_BYTES = 8;

export class EndpointStore {
  readonly #redis: RedisStore;
  readonly #database: Database;
  readonly #endpointsMax: number;

  constructor(options: { redis: RedisStore; database: Database; endpointsMax: number }) {
    this.#redis = options.redis;
    this.#database = options.database;
    this.#endpointsMax = options.endpointsMax;
  }

  /** @returns with its secret. @throws AppError too_many_items, unavailable */
  create({ url, events, boards, description }: NewEndpoint): Promise<WebhookEndpointRow> {
    return this.#change((db) =>
      db.transaction().execute(async (within) => {
        await sql`select pg_advisory_xact_lock(${sql.lit(NEW_ENDPOINT_LOCK)})`.execute(within);
        const there = await within
          .selectFrom("webhook_endpoints")
          .select(sql<number>`count(*)`.as("count"))
          .executeTakeFirst();
        if (Number(there?.count ?? 0) >= this.#endpointsMax) {
          const message = `There are ${this.#endpointsMax} webhooks; remove some first.`;
          throw new AppError("too_many_items", { message });
        }
        return within
          .insertInto("webhook_endpoints")
          .values({
            id: randomBytes(ID_BYTES).toString("hex"),
            url,
            events: [...events],
            boards: [...boards],
            description: description ?? null,
            secret: newSigningSecret(),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
      }),
    );
  }

  /** All of them, the oldest first. @throws AppError unavailable */
  all(): Promise<WebhookEndpointRow[]> {
    return this.#database.run((db) =>
      db.selectFrom("webhook_endpoints").selectAll().orderBy("created_at").orderBy("id").execute(),
    );
  }

  /** By id. @param after the last one of the page before. @throws AppError unavailable */
  list(limit: number, after = ""): Promise<WebhookEndpointRow[]> {
    return this.#database.run((db) =>
      db
        .selectFrom("webhook_endpoints")
        .selectAll()
        .where("id", ">", after)
        .orderBy("id")
        .limit(limit)
        .execute(),
    );
  }

  /** @throws AppError not_found, unavailable */
  async get(id: string): Promise<WebhookEndpointRow> {
    const row = await this.#database.run((db) =>
      db.selectFrom("webhook_endpoints").selectAll().where("id", "=", id).executeTakeFirst(),
    );
    return found(row, id);
  }

  /** Change what is named. What waits for it is sent by what holds then. @throws AppError not_found, unavailable */
  async patch(id: string, change: EndpointChange): Promise<WebhookEndpointRow> {
    const row = await this.#change((db) =>
      db.transaction().execute(async (within) => {
        const of = within.selectFrom("webhook_endpoints").selectAll().where("id", "=", id);
        const before = await of.forUpdate().executeTakeFirst();
        return before && this.#patched(within, before, change);
      }),
    );
    return found(row, id);
  }

  #patched(within: Sql, before: WebhookEndpointRow, change: EndpointChange) {
    const { url, events, boards, description, disabled } = change;
    const after = { events: events ?? before.events, boards: boards ?? before.boards };
    const isEnabled = before.disabled_at !== null && disabled === false;
    const set = {
      // Only where more is heard than before: what happened between the last look at a top and this instant is not told then.
      ...(isEnabled || listensToMoreTops(before, after) ? { listens_since: sql<Date>`now()` } : {}),
      ...(url === undefined ? {} : { url }),
      ...(events === undefined ? {} : { events: [...events] }),
      ...(boards === undefined ? {} : { boards: [...boards] }),
      ...(description === undefined ? {} : { description }),
      ...(disabled === undefined
        ? {}
        : { disabled_at: disabled ? sql<Date>`coalesce(disabled_at, now())` : null }),
    };
    return within
      .updateTable("webhook_endpoints")
      .set(set)
      .where("id", "=", before.id)
      .returningAll()
      .executeTakeFirst();
  }

  /** A new secret; for another `overlapMs` the one before signs too. @returns with the new one. @throws AppError not_found, unavailable */
  async rotate(id: string, overlapMs: number): Promise<WebhookEndpointRow> {
    const row = await this.#change((db) =>
      db
        .updateTable("webhook_endpoints")
        .set({
          previous_secret: sql<string>`secret`,
          previous_until: sql<Date>`now() + ${overlapMs} * interval '1 millisecond'`,
          secret: newSigningSecret(),
          rotated_at: sql<Date>`now()`,
        })
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirst(),
    );
    return found(row, id);
  }

  /** With everything that waits for it. @throws AppError not_found, unavailable */
  async remove(id: string): Promise<WebhookEndpointRow> {
    const row = await this.#change((db) =>
      db.deleteFrom("webhook_endpoints").where("id", "=", id).returningAll().executeTakeFirst(),
    );
    return found(row, id);
  }

  /** The version changes before the table too: while it says `none` nobody reads, and whoever changes the table may die behind its commit. */
  async #change<T>(question: (db: Sql) => Promise<T>): Promise<T> {
    await this.#tell();
    const changed = await this.#database.run(question);
    await this.#tell();
    return changed;
  }

  async #tell(): Promise<void> {
    await this.#redis.set(webhooksVersionKey, newEpoch()).catch((error: unknown) => {
      throw fromRedisError(error);
    });
  }
}

function found(row: WebhookEndpointRow | undefined, id: string): WebhookEndpointRow {
  if (!row) throw new AppError("not_found", { message: `There is no webhook "${id}".` });
  return row;
}
