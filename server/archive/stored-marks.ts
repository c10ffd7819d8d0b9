/**
 * What of a hidden entry was done to the member on its board, and what by a ban: the table of entries keeps only who sees it. Told
 * apart by the ban that there is and by what the audit trail says was done on the board, so that lifting the ban shows what it hid.
 */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";

/** 0 nothing, 1 hidden, 2 shadow. */
type Sight = 0 | 1 | 2;

export type StoredBan = {
  /** What the ban does to entries, where it is in force; 0 while it is being lifted. */
  ban: Sight;
  /** What was last done to the member on this board by itself. */
  here: Sight;
};

type Row = { member: string; mode: "hide" | "shadow"; state: string; action: string | null };

const HERE = new Map<string | null, Sight>([
  ["member.hide", 1],
  ["member.shadow", 2],
]);

/** The banned members who have a hidden entry in a season: no more than there are bans. @throws AppError unavailable */
export async function storedBans(
  database: Database,
  { board, season }: { board: string; season: number },
): Promise<Map<string, StoredBan>> {
  // A removal takes the board's mark along, unless it was undone. Of a call whose end nobody knows, what hides is believed.
  const { rows } = await database.run((db) =>
    sql<Row>`
      select b.member, b.mode, b.state, done.action
      from bans b
      join current_entries e on e.board = ${board} and e.season = ${season} and e.member = b.member and e.visibility <> 0
      left join lateral (
        select a.action from audit a
        where a.member = b.member and a.board = ${board} and a.season = ${season}
          and a.action in ('member.hide', 'member.shadow', 'member.show', 'member.remove')
          and (a.outcome = 'done' or (a.outcome is null and a.action in ('member.hide', 'member.shadow')))
          and not (a.action = 'member.remove' and exists (
            select 1 from audit r where r.member = a.member and r.board = a.board and r.season = a.season
              and r.action = 'member.restore' and r.outcome = 'done' and r.id > a.id))
        order by a.id desc limit 1
      ) done on true`.execute(db),
  );
  return new Map(
    rows.map(({ member, mode, state, action }) => {
      const ban = state === "lifting" ? 0 : mode === "hide" ? 1 : 2;
      return [member, { ban, here: HERE.get(action) ?? 0 }];
    }),
  );
}

/**
 * The mark of a hidden entry. It always comes to what the table says; where the ban has not come to this board yet, or has left it
 * already, it has no part in it.
 * @param visibility 1 or 2
 */
export function storedMark(visibility: number, { here, ban }: StoredBan): { here: Sight; ban: Sight } {
  const seen = visibility as Sight;
  if (here !== seen) return { here, ban: seen };
  return { here, ban: ban === seen ? ban : 0 };
}
