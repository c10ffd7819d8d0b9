/**
 * The table of deliveries: claimed by whoever is to try them, settled by what came of it, listed, and begun anew.
 *
 * A claim is a lease: until it runs out nobody else tries, and whoever dies with it leaves the delivery to the next. So a delivery is
 * tried at least once, and now and then twice; its id is the same.
 */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { Claim, DeliveryState, ListedDelivery } from "./delivery.ts";

export type Claiming = {
  /** How many to take for which endpoint, at most. */
  rooms: readonly { endpoint: string; room: number }[];
  lease: string;
  now: Date;
  until: Date;
};

export class DeliveryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What is due, the longest due first; the attempts are counted. @throws AppError unavailable */
  async claim({ rooms, lease, now, until }: Claiming): Promise<Claim[]> {
    const endpoints = rooms.map(({ endpoint }) => endpoint);
    const counts = rooms.map(({ room }) => room);
    const { rows } = await this.#database.run((db) =>
      sql<Claim>`
        with due as (
          select one.seq
          from unnest(${endpoints}::text[], ${counts}::int[]) as wanted (endpoint, room)
          cross join lateral (
            select seq from webhook_deliveries
            where endpoint = wanted.endpoint and state = 'pending' and next_at <= ${now}
              and (lease_until is null or lease_until <= ${now})
            order by next_at limit wanted.room
            for update skip locked
          ) as one
        )
        update webhook_deliveries as delivery
        set lease = ${lease}, lease_until = ${until}, attempts = attempts + 1
        from due, webhook_events as event
        where delivery.seq = due.seq and event.seq = delivery.event
        returning delivery.id, delivery.endpoint, delivery.attempts,
          event.id as event, event.type, event.board, event.season, event.at, event.payload`.execute(db),
    );
    return rows;
  }

  /** Delivered is delivered, whoever's lease it is by now. @throws AppError unavailable */
  async settleDelivered(id: string, status: number): Promise<void> {
    await this.#database.run((db) =>
      db
        .updateTable("webhook_deliveries")
        .set({
          state: "delivered",
          settled_at: sql<Date>`now()`,
          last_status: status,
          last_error: null,
          lease: null,
          lease_until: null,
        })
        .where("id", "=", id)
        .execute(),
    );
  }

  /**
   * It failed: to be tried again at `next`, or given up. Nothing changes when somebody else has the lease.
   * @throws AppError unavailable
   */
  async settleFailed(
    id: string,
    lease: string,
    { next, status, error }: { next: Date | undefined; status: number | undefined; error: string },
  ): Promise<void> {
    await this.#database.run((db) =>
      db
        .updateTable("webhook_deliveries")
        .set({
          ...(next ? { next_at: next } : { state: "dead" as const, settled_at: sql<Date>`now()` }),
          last_status: status ?? null,
          last_error: error,
          lease: null,
          lease_until: null,
        })
        .where("id", "=", id)
        .where("lease", "=", lease)
        .where("state", "=", "pending")
        .execute(),
    );
  }

  /** Begin anew, as if it had never been tried: same id, all attempts. @returns whether there is one. @throws AppError unavailable */
  async replay(id: string): Promise<{ endpoint: string } | undefined> {
    return this.#database.run((db) =>
      db
        .updateTable("webhook_deliveries")
        .set({ state: "pending", attempts: 0, next_at: sql<Date>`'epoch'::timestamptz`, settled_at: null })
        .where("id", "=", id)
        .returning("endpoint")
        .executeTakeFirst(),
    );
  }

  /** The newest first. @param after the number of the last one that was listed. @throws AppError unavailable */
  list(
    endpoint: string,
    { state, limit, after }: { state?: DeliveryState | undefined; limit: number; after?: number | undefined },
  ): Promise<ListedDelivery[]> {
    return this.#database.run((db) => {
      let query = db
        .selectFrom("webhook_deliveries as delivery")
        .innerJoin("webhook_events as event", "event.seq", "delivery.event")
        .select(["delivery.seq", "delivery.id", "delivery.state", "delivery.attempts", "delivery.next_at"])
        .select(["delivery.last_status", "delivery.last_error", "delivery.created_at", "delivery.settled_at"])
        .select(["event.id as event", "event.type", "event.board", "event.season", "event.payload"])
        .where("delivery.endpoint", "=", endpoint)
        .orderBy("delivery.seq", "desc")
        .limit(limit);
      if (state) query = query.where("delivery.state", "=", state);
      if (after !== undefined) query = query.where("delivery.seq", "<", after);
      return query.execute();
    });
  }

  /** How many are in a state, of all endpoints. @throws AppError unavailable */
  async count(endpoints: readonly string[], state: DeliveryState): Promise<number> {
    const row = await this.#database.run((db) =>
      db
        .selectFrom("webhook_deliveries")
        .select(sql<number>`count(*)`.as("count"))
        .where("endpoint", "in", endpoints)
        .where("state", "=", state)
        .executeTakeFirst(),
    );
    return Number(row?.count ?? 0);
  }

  /** Of more than `most` that wait for an endpoint the oldest are given up, some at a time. @returns how many. @throws AppError unavailable */
  async giveUpBeyond(endpoint: string, most: number): Promise<number> {
    const result = await this.#database.run((db) =>
      db
        .updateTable("webhook_deliveries")
        .set({
          state: "dead",
          settled_at: sql<Date>`now()`,
          last_error: `more than ${most} waited for this endpoint`,
        })
        .where("seq", "in", (eb) =>
          eb
            .selectFrom("webhook_deliveries")
            .select("seq")
            .where("endpoint", "=", endpoint)
            .where("state", "=", "pending")
            .orderBy("seq", "desc")
            .offset(most)
            .limit(GIVEN_UP_AT_ONCE),
        )
        .executeTakeFirst(),
    );
    return Number(result.numUpdatedRows);
  }
}

const GIVEN_UP_AT_ONCE = 1_000;
