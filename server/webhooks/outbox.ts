/**
 * The outbox: events are noted in the transaction of what they tell of, so that neither is without the other, and become deliveries for
 * the endpoints that listen at that moment.
 */
import { sql } from "kysely";
import { newId } from "../base/ids.ts";
import type { Database, Sql } from "../database/database.ts";
import { type EventType, TEST_EVENT } from "./event-types.ts";

export type NewEvent = {
  type: EventType;
  board: string;
  season: number;
  /** What happened, once and for ever, within its type: `season 3 of f1`. Noted again it changes nothing. At most 512 characters. */
  cause: string;
  /** JSON; what the receiver gets as `data`. */
  payload: Record<string, unknown>;
};

/** Each with a delivery for every endpoint that listened; PGlite runs in this process. */
const PURGED_AT_ONCE = 500;

/**
 * Note an event. Nothing is sent before the transaction commits, and nothing at all if it does not; to which nobody listens, nothing is kept.
 * @param within the transaction of what it tells of
 * @returns false when it was noted before, or nobody listens
 */
export async function note(within: Sql, event: NewEvent): Promise<boolean> {
  const { type, board, season, cause, payload } = event;
  const { rows } = await sql<{ seq: number }>`
    insert into webhook_events (id, type, board, season, cause, payload)
    select ${newId()}, ${type}, ${board}, ${season}, ${cause}, ${JSON.stringify(payload)}::jsonb
    where exists (${listeners(type, board)})
    on conflict (type, cause) do nothing
    returning seq
  `.execute(within);
  const noted = rows[0];
  if (!noted) return false;
  await sql`
    insert into webhook_deliveries (id, event, endpoint)
    select gen_random_uuid()::text, ${noted.seq}, listener.id from (${listeners(type, board)}) as listener
  `.execute(within);
  return true;
}

/** The ids of who is to hear of it, as `listensTo` says. */
const listeners = (type: EventType, board: string) => sql`
  select id from webhook_endpoints
  where disabled_at is null
    and (cardinality(events) = 0 or ${type} = any (events))
    and (cardinality(boards) = 0 or exists (
      select from unnest(boards) as wanted
      where wanted = ${board} or (right(wanted, 1) = '*' and starts_with(${board}, left(wanted, -1)))))
`;

/** An event for one endpoint alone, whatever it listens to. @returns the delivery's id. @throws AppError unavailable */
export function noteTest(database: Database, endpoint: string): Promise<string> {
  const id = newId();
  return database.run((db) =>
    db.transaction().execute(async (within) => {
      const payload = JSON.stringify({ endpoint });
      const event = await within
        .insertInto("webhook_events")
        .values({ id, type: TEST_EVENT, board: null, season: null, cause: id, payload })
        .returning("seq")
        .executeTakeFirstOrThrow();
      const delivery = await within
        .insertInto("webhook_deliveries")
        .values({ id: sql<string>`gen_random_uuid()::text`, event: event.seq, endpoint })
        .returning("id")
        .executeTakeFirstOrThrow();
      return delivery.id;
    }),
  );
}

/**
 * Events from before `before` go, with their deliveries, whatever became of those.
 * @returns how many went; call again while it is not 0. @throws AppError unavailable
 */
export async function purgeEvents(database: Database, before: Date): Promise<number> {
  const result = await database.run((db) =>
    db
      .deleteFrom("webhook_events")
      .where(
        "seq",
        "in",
        db
          .selectFrom("webhook_events")
          .select("seq")
          .where("at", "<", before)
          .orderBy("at")
          .limit(PURGED_AT_ONCE),
      )
      .executeTakeFirst(),
  );
  return Number(result.numDeletedRows);
}
