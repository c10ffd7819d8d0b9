/**
 * What the end of one season brings: its rewards, step by step along the final table, and the words that tell of them. Each step may be cut
 * off; the next call goes on from there.
 */
import type {
  Granted,
  JudgeRow,
  RewardRuns,
  SeasonEnd,
  TellGranted,
  UnrewardedSeason,
} from "../archive/reward-run.ts";
import type { Sql } from "../database/database.ts";
import type { BoardSeason, OpenBoard } from "../leaderboard/board.ts";
import { parseSeason } from "../leaderboard/board-schema.ts";
import { entryValues } from "../leaderboard/codec.ts";
import { type RewardRule, rewardJudge } from "../leaderboard/reward-rules.ts";
import { derive } from "../leaderboard/season-steps.ts";
import type { NewEvent } from "../webhooks/outbox.ts";
import { rewardId } from "./reward-id.ts";

/** Entries that the end of a season is told with. */
const TOP_TOLD = 10;

export type SeasonRewardsOptions = {
  runs: RewardRuns;
  /** Notes an event with the transaction that it is given. */
  note: (within: Sql, event: NewEvent) => Promise<unknown>;
  /** Hears of every step, in order. @param granted rewards of the step */
  onStep: (granted: number) => void | Promise<void>;
};

/**
 * Grant everything that is left to grant, and say that the season is over.
 * @param stillOurs asked before each step; false leaves the rest to somebody else
 * @returns how many were granted in all; undefined when the end was not come to, or somebody else has seen to it
 * @throws AppError unavailable; Error when the season is not stored as it should be
 */
export async function rewardSeason(
  { runs, note, onStep }: SeasonRewardsOptions,
  season: UnrewardedSeason,
  stillOurs: () => Promise<boolean>,
): Promise<number | undefined> {
  const open = openOf(season);
  const of = { board: season.board, season: season.season };
  const rules = open.board.rewards ?? [];
  if (rules.length > 0) {
    const shown = await runs.begin(of, new Map(rules.map(({ id, reward }) => [id, reward])));
    const judge = judgeOf(open, rules, shown);
    const tell: TellGranted = (within, some, through) => note(within, grantedEvent(open, some, through));
    for (let isPast = false; !isPast; ) {
      if (!(await stillOurs())) return undefined;
      const step = await runs.step(of, judge, tell);
      isPast = step.isPast;
      await onStep(step.granted);
    }
    await runs.analyze();
  }
  if (!(await stillOurs())) return undefined;
  return runs.finish(of, TOP_TOLD, (within, end) => note(within, closedEvent(open, season.endedAt, end)));
}

/** With the rules that it had at its end. @throws Error when what is stored is none */
function openOf({ definition }: UnrewardedSeason): OpenBoard {
  return derive(parseSeason(definition) as BoardSeason);
}

function judgeOf(open: OpenBoard, rules: readonly RewardRule[], shown: number): JudgeRow {
  const judge = rewardJudge(rules, open.board, shown);
  return (rank, row) => {
    const given = judge(rank, entryValues(open, row).score);
    return typeof given === "string" ? given : { rule: given.id };
  };
}

/** Each rule's reward once, since many members get the same. */
function grantedEvent(open: OpenBoard, granted: readonly Granted[], through: number): NewEvent {
  const of = { board: open.board.id, season: open.season.number };
  const named = new Set(granted.map(({ rule }) => rule));
  const rewards = (open.board.rewards ?? []).filter(({ id }) => named.has(id));
  return {
    type: "rewards.granted",
    ...of,
    cause: `${causeOf(open)}, to ${through}`,
    payload: {
      ...of,
      rewards: Object.fromEntries(rewards.map(({ id, reward }) => [id, reward])),
      granted: granted.map(({ member, rank, rule, row }) => {
        return { id: rewardId({ ...of, member }), member, rank, rule, ...entryValues(open, row) };
      }),
    },
  };
}

function closedEvent(open: OpenBoard, endedAt: Date, { shown, top, rewards }: SeasonEnd): NewEvent {
  const of = { board: open.board.id, season: open.season.number };
  return {
    type: "season.closed",
    ...of,
    cause: causeOf(open),
    payload: {
      ...of,
      endedAt: endedAt.toISOString(),
      entries: shown,
      top: top.map(({ rank, row }) => ({ rank, member: row.member, ...entryValues(open, row) })),
      rewards,
    },
  };
}

/** A board that was deleted may come again with the same number; its season has another incarnation. */
function causeOf({ board, season }: OpenBoard): string {
  return `season ${season.number} of ${board.id}, ${season.incarnation}`;
}
