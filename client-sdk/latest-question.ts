/**
 * Questions whose answer every event replaces as a whole: where a member stands, and live windows. [P-17] [P-18]
 *
 * What arrived last holds, whatever its `asOf`: a rank from the published top is of this moment, and the next one, from
 * the rank index, may be of a moment before.
 */
import type {
  BoardInfo,
  LiveWindow,
  MemberProfiles,
  MeReply,
  ProfilesMessage,
  Standing,
  SubscribeMessage,
  SubscriptionName,
  WindowReply,
} from "./protocol/messages.ts";
import type { Question, Step } from "./question.ts";

/** What the server said last, and what it had said before the last move, of the same season. */
export type Latest<T> = { readonly now: T; readonly before: T | undefined };

/** `E` are the events, where some of them change what was said last instead of replacing it. */
export type LatestQuestion<T, R extends { info: BoardInfo }, E = T> = Question<Latest<T>, E, R>;

export type WindowEvent = LiveWindow | ProfilesMessage;
type WindowQuestion = LatestQuestion<LiveWindow, WindowReply, WindowEvent>;

/** @param member the signed-in player when absent */
export function standingQuestion(
  board: string,
  member: string | undefined,
): LatestQuestion<Standing, MeReply> {
  const name = { board, kind: "me", ...(member === undefined ? {} : { member }) } as const;
  return latestQuestion({
    name,
    message: () => name,
    of: ({ standing }: MeReply) => standing,
    // Which member is the signed-in one is known from the answer.
    isSame: (event, known) => event.member === known.member,
    // A push may also say that the rank is exact by now, or say the same under another name of the subscription.
    isMove: (event, known) => event.rank !== known.rank,
  });
}

/** @param limit asked for each time: one subscription serves several stores, and may have to grow */
export function aroundQuestion(
  board: string,
  member: string | undefined,
  limit: () => number,
): WindowQuestion {
  const name = { board, kind: "around", ...(member === undefined ? {} : { member }) } as const;
  return windowQuestion({
    name,
    message: () => ({ ...name, limit: limit() }),
    of: ({ window }: WindowReply) => window,
    isSame: (event, known) =>
      event.kind === "around" && known.kind === "around" && event.member === known.member,
  });
}

/** @param list its name on the connection */
export function membersQuestion(board: string, list: string, members: readonly string[]): WindowQuestion {
  const name = { board, kind: "members", list } as const;
  return windowQuestion({
    name,
    message: () => ({ ...name, members: [...members] }),
    of: ({ window }: WindowReply) => window,
    isSame: (event) => event.kind === "members" && event.list === list,
  });
}

/** [P-22] */
function windowQuestion(parts: LatestParts<LiveWindow, WindowReply>): WindowQuestion {
  const question = latestQuestion(parts);
  const heard = (event: WindowEvent, known: Latest<LiveWindow>): Step<Latest<LiveWindow>> => {
    if (!("profiles" in event)) return question.heard(event, known);
    if (!names(event, parts.name)) return { kind: "nothing" };
    return { kind: "value", value: { ...known, now: withProfiles(known.now, event.profiles) } };
  };
  return {
    ...question,
    heard,
    answered: (reply, known, held) => afterHeld(question.answered(reply, known, []), held, heard),
  };
}

function names(event: ProfilesMessage, name: SubscriptionName): boolean {
  if (event.kind === "members" && name.kind === "members") return event.list === name.list;
  return event.kind === "around" && name.kind === "around" && event.member === name.member;
}

function withProfiles(window: LiveWindow, told: MemberProfiles): LiveWindow {
  const entries = window.entries.map(({ profile: before, ...entry }) => {
    const profile = Object.hasOwn(told, entry.member) ? told[entry.member] : before;
    return profile ? { ...entry, profile } : entry;
  });
  return { ...window, entries };
}

/** The events that were held, judged after the answer. */
function afterHeld<T, E>(
  answer: Step<Latest<T>>,
  held: readonly E[],
  heard: (event: E, known: Latest<T>) => Step<Latest<T>>,
): Step<Latest<T>> {
  if (answer.kind !== "value") return answer;
  let { value } = answer;
  for (const event of held) {
    const step = heard(event, value);
    if (step.kind === "again") return { kind: "again", value };
    if (step.kind === "value") value = step.value;
  }
  return { kind: "value", value };
}

type LatestParts<T, R> = {
  name: SubscriptionName;
  message: () => SubscribeMessage;
  of: (reply: R) => T;
  /** Both are about the same member or list. */
  isSame: (event: T, known: T) => boolean;
  /** What is shown as a change; every event when absent. */
  isMove?: (event: T, known: T) => boolean;
};

function latestQuestion<T extends { season: number; asOf: number }, R extends { info: BoardInfo }>({
  name,
  message,
  of,
  isSame,
  isMove = () => true,
}: LatestParts<T, R>): LatestQuestion<T, R> {
  const after = (known: Latest<T>, now: T): Latest<T> => ({
    now,
    before: isMove(now, known.now) ? known.now : known.before,
  });
  const heard = (event: T, known: Latest<T>): Step<Latest<T>> => {
    const { now } = known;
    if (!isSame(event, now) || event.season < now.season) return { kind: "nothing" };
    // The rules of a new season come only with an answer.
    if (event.season > now.season) return { kind: "again" };
    return { kind: "value", value: after(known, event) };
  };
  return {
    name,
    message,
    answered: (reply, known, held) => {
      const now = of(reply);
      const sameSeason = known !== undefined && known.now.season === now.season;
      const value: Latest<T> = sameSeason ? after(known, now) : { now, before: undefined };
      return afterHeld({ kind: "value", value }, held, heard);
    },
    heard,
    seasonOf: ({ now }) => now.season,
  };
}
