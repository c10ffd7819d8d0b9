/** Archived seasons for tests of rewards, what the tables say of their granting, and processes that end in the middle of it. */
import { RewardRuns } from "../../server/archive/reward-run.ts";
import { AppError } from "../../server/base/errors.ts";
import { createLog } from "../../server/base/log.ts";
import { Database, type Sql } from "../../server/database/database.ts";
import { rewardSeason } from "../../server/rewards/season-rewards.ts";
import { note } from "../../server/webhooks/outbox.ts";
import type { TestStore } from "./databases.ts";

/** What becomes of a question: answered; or its process ends before it, within its transaction, or once it has committed. */
export type Fate = "answered" | "before" | "within" | "after";

const died = (): AppError => new AppError("unavailable");

/** One process after the other, each of which ends at the next fate that is not `answered`; then they live for ever. */
export class MortalDatabase extends Database {
  fates: Fate[] = [];

  constructor(store: TestStore) {
    const { DATABASE_URL: url, DATA_DIR: dataDir = "" } = store.settings();
    const log = createLog({ level: "silent", pretty: false });
    super({ url, dataDir, connectionsMax: 2, timeoutMs: 5_000, log });
  }

  override async run<T>(question: (db: Sql) => Promise<T>): Promise<T> {
    const fate = this.fates[0];
    // What is to end within a transaction ends where it notes an event.
    if (fate !== "within") this.fates.shift();
    if (fate === "before") throw died();
    const answer = await super.run(question);
    if (fate === "after") throw died();
    return answer;
  }

  readonly note: typeof note = async (within, event) => {
    const noted = await note(within, event);
    if (this.fates[0] !== "within") return noted;
    this.fates.shift();
    throw died();
  };
}

/** Processes one after the other, until a season's end is seen to. @returns how many died */
export async function rewardAtLast(
  database: MortalDatabase,
  board: string,
  stepRows: number,
): Promise<number> {
  const runs = new RewardRuns(database, { stepRows });
  for (let deaths = 0; ; ) {
    try {
      const season = (await runs.undone(1_000)).find((one) => one.board === board);
      if (!season) return deaths;
      const options = { runs, note: database.note, onStep: () => undefined };
      await rewardSeason(options, season, async () => true);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      deaths++;
    }
  }
}

/** An endpoint that hears of everything: to which nobody listens, nothing is noted. It is never called, because nobody delivers. */
export async function listenToAll(database: Database): Promise<void> {
  const endpoint = { id: "all", url: "https://example.com/", secret: "s", events: [], boards: [] };
  await database.run((db) =>
    db
      .insertInto("webhook_endpoints")
      .values(endpoint)
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
}

export type GrantedRow = { member: string; rank: number; rule: string };

/** By place in the final table. */
export function grantedIn(database: Database, board: string): Promise<GrantedRow[]> {
  return database.run((db) =>
    db
      .selectFrom("rewards")
      .select(["member", "rank", "rule"])
      .where("board", "=", board)
      .orderBy("ordinal")
      .execute(),
  );
}

export type Told = {
  granted: (GrantedRow & { id: string; score: number })[];
  rewards: Record<string, unknown>;
};

/** Payloads of one type, in the order in which they were noted. */
export async function toldOf<T>(database: Database, board: string, type: string): Promise<T[]> {
  const rows = await database.run((db) =>
    db
      .selectFrom("webhook_events")
      .select("payload")
      .where("board", "=", board)
      .where("type", "=", type)
      .orderBy("seq")
      .execute(),
  );
  return rows.map(({ payload }) => payload as T);
}
