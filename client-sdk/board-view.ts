/** The rows of one view at one position, and what a frame makes of them. Pure. */
import type {
  BoardInfo,
  Entry,
  Frame,
  MemberProfiles,
  Position,
  Profile,
  ProfilesMessage,
  Row,
  Snapshot,
} from "./protocol/messages.ts";
import { applyRows, ranksOf } from "./protocol/rows.ts";

/** Never changed in place: a newer one replaces it. */
export type BoardView = {
  readonly season: number;
  readonly position: Position;
  /** In the order of [P-3]. */
  readonly rows: readonly Row[];
  /** Members on the board. */
  readonly total: number;
  /** Of members in `rows`. One that did not change is the same object as before. */
  readonly profiles: ReadonlyMap<string, Profile>;
};

export type TopEvent = Frame | Snapshot | ProfilesMessage;

const NO_PROFILES: ReadonlyMap<string, Profile> = new Map();

export type Applied = { kind: "applied"; view: BoardView } | { kind: "old" } | { kind: "gap" };

export function viewOf(snapshot: Snapshot): BoardView {
  const { season, epoch, offset, rows, total, profiles = {} } = snapshot;
  return withProfiles({ season, position: { epoch, offset }, rows, total, profiles: NO_PROFILES }, profiles);
}

/** [P-22] `told` put in place of what was known of those members; `view` itself when that changes nothing. */
export function withProfiles(view: BoardView, told: MemberProfiles): BoardView {
  const members = new Set(view.rows.map(([member]) => member));
  const profiles = new Map(view.profiles);
  let isSame = true;
  for (const [member, profile] of Object.entries(told)) {
    if (!members.has(member) || JSON.stringify(profiles.get(member) ?? null) === JSON.stringify(profile))
      continue;
    isSame = false;
    if (profile) profiles.set(member, profile);
    else profiles.delete(member);
  }
  return isSame ? view : { ...view, profiles };
}

function without(
  profiles: ReadonlyMap<string, Profile>,
  members: readonly string[],
): ReadonlyMap<string, Profile> {
  if (!members.some((member) => profiles.has(member))) return profiles;
  const left = new Map(profiles);
  for (const member of members) left.delete(member);
  return left;
}

/** [P-4] and [P-5]. `gap` also stands for a foreign epoch: either way the receiver asks again. O(rows). */
export function applyFrame(view: BoardView, frame: Frame): Applied {
  const { epoch, offset } = view.position;
  if (frame.epoch !== epoch) return { kind: "gap" };
  if (frame.offset <= offset) return { kind: "old" };
  if (frame.after !== offset) return { kind: "gap" };
  return {
    kind: "applied",
    view: {
      season: frame.season,
      position: { epoch, offset: frame.offset },
      rows: applyRows(view.rows, frame.set, frame.drop),
      total: frame.total,
      profiles: without(view.profiles, frame.drop),
    },
  };
}

/** `view` after all of `frames`, those it has already left out; undefined when one of them is beyond a gap. */
export function applyFrames(view: BoardView, frames: readonly Frame[]): BoardView | undefined {
  let result = view;
  for (const frame of frames) {
    const applied = applyFrame(result, frame);
    if (applied.kind === "gap") return undefined;
    if (applied.kind === "applied") result = applied.view;
  }
  return result;
}

/** `view` after the events held since it was asked for; undefined when one of them is beyond a gap. */
export function catchUp(view: BoardView, held: readonly TopEvent[]): BoardView | undefined {
  let result = view;
  for (const event of held) {
    if ("kind" in event) {
      result = withProfiles(result, event.profiles);
      continue;
    }
    if ("rows" in event) {
      // It may have been sent before the answer or after it. Within one epoch the offset tells; else ask again.
      if (event.epoch !== result.position.epoch || event.season !== result.season) return undefined;
      if (event.offset > result.position.offset) result = viewOf(event);
      continue;
    }
    const applied = applyFrame(result, event);
    if (applied.kind === "gap") return undefined;
    if (applied.kind === "applied") result = applied.view;
  }
  return result;
}

/** What is shown of a view, with the rows that it was made from. */
export type ShownEntries = { rows: readonly Row[]; info: BoardInfo | undefined; entries: readonly Entry[] };

export const NOTHING_SHOWN: ShownEntries = { rows: [], info: undefined, entries: [] };

/**
 * The best `limit` entries with ranks and named columns. An entry that stayed as it was, where it was, is the
 * same object as in `before`, and so is the whole array when all did: a list then renders only what changed.
 */
export function showEntries(
  view: BoardView,
  info: BoardInfo,
  limit: number,
  before: ShownEntries,
): ShownEntries {
  const rows = view.rows.slice(0, limit);
  const ranks = ranksOf(rows, info.ties);
  let same = before.info === info && before.entries.length === rows.length;
  const entries = rows.map((row, i) => {
    const earlier = before.entries[i];
    const profile = view.profiles.get(row[0]);
    const isAsBefore = before.info === info && before.rows[i] === row && earlier?.rank === ranks[i];
    if (earlier && isAsBefore && earlier.profile === profile) return earlier;
    same = false;
    const entry = entryOf(row, ranks[i]!, info);
    return profile ? { ...entry, profile } : entry;
  });
  return { rows, info, entries: same ? before.entries : entries };
}

function entryOf(row: Row, rank: number, info: BoardInfo): Entry {
  const [member, , score, ...others] = row;
  if (others.length === 0) return { rank, member, score };
  const names = info.columns.slice(1).map(({ name }) => name);
  const columns = Object.fromEntries(others.map((value, i) => [names[i] ?? `column${i + 2}`, value]));
  return { rank, member, score, columns };
}
