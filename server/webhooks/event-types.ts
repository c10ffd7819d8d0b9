/** What webhooks can tell of, and how an endpoint says what it wants to hear. */

/** Types that an endpoint may listen to. `webhook.test` is sent by hand, and to one endpoint only. */
export const EVENT_TYPES = [
  "season.closed",
  "rewards.granted",
  "top.first",
  "top.entered",
  "top.left",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const TEST_EVENT = "webhook.test";

/** Types that come from the top of a board: somebody has to follow its feed for them. */
export const TOP_EVENTS = ["top.first", "top.entered", "top.left"] as const satisfies readonly EventType[];
export type TopEventType = (typeof TOP_EVENTS)[number];

/** What an endpoint wants to hear of. */
export type Listening = {
  /** Types; empty: all. */
  events: readonly string[];
  /** Ids of boards, or prefixes that end in `*`; empty: all. */
  boards: readonly string[];
};

/** The same as the SQL of `outbox.ts` says. */
export function listensTo({ events, boards }: Listening, type: string, board: string): boolean {
  return (events.length === 0 || events.includes(type)) && coversBoard(boards, board);
}

/** Whether somebody who begins to listen so hears of tops that were not listened to before. */
export function listensToMoreTops(before: Listening, after: Listening): boolean {
  const tops = ({ events }: Listening): readonly string[] =>
    TOP_EVENTS.filter((type) => events.length === 0 || events.includes(type));
  const heard = tops(before);
  const types = tops(after);
  if (types.length === 0) return false;
  if (types.some((type) => !heard.includes(type))) return true;
  // A pattern is covered by a pattern just as a board is.
  const boards = after.boards.length === 0 ? ["*"] : after.boards;
  return boards.some((one) => !coversBoard(before.boards, one));
}

function coversBoard(boards: readonly string[], board: string): boolean {
  if (boards.length === 0) return true;
  return boards.some((one) => (one.endsWith("*") ? board.startsWith(one.slice(0, -1)) : one === board));
}
