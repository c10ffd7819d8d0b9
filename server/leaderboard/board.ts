/** A board's rules, and the facts about its season that decide how scores are stored. Types only. */
import type {
  Column,
  Operator,
  Order,
  ProfileField,
  ScoreRules,
  Ties,
  Visibility,
  Writers,
} from "../../client-sdk/protocol/messages.ts";
import type { FeedKeys, ShardKeys } from "../redis/keys.ts";
import type { Layout } from "./layout.ts";
import type { RewardRule } from "./reward-rules.ts";
import type { SeasonRules } from "./season-schema.ts";

/** The rules. Order, operator, columns, ties and shards are fixed while a season is open; the rest changes live. */
export type Board = {
  id: string;
  order: Order;
  operator: Operator;
  /** The first is the score; at most 8. */
  columns: Column[];
  ties: Ties;
  /** Resolution of the tie time, in ms. */
  tieResolutionMs: number;
  writers: Writers;
  /** What one member may change, and how fast; absent where there is no rule. */
  rules?: ScoreRules;
  /** Who is given what at the end of a season; the first that fits counts. What a season has at its end is what it grants. */
  rewards?: RewardRule[];
  /** Of how many of the best rows webhooks are told who comes and goes; 10 where it is absent. */
  webhookTop?: number;
  /** A power of two. */
  shards: number;
  /** Rows of the published top. */
  topSize: number;
  visibility: Visibility;
  /** Whether submissions may carry ≤ 256 bytes of metadata. */
  metadata: boolean;
  /** What entries, windows and views carry of profiles; nothing is looked up when empty. */
  profileFields: ProfileField[];
  /** How long the archive keeps the score log; never less than two dedup windows, which is what 0 means. */
  logRetentionDays: number;
  /** How long the archive keeps what was published, and samples of the rank index; 0 keeps nothing, and archives nothing. */
  historyRetentionDays: number;
  /** ISO 8601; a board whose ties go by time is packed only with it, because the time must fit the bit budget. */
  endsAt?: string;
  /** How its seasons follow each other; changes live, for the present season's end too. */
  season: SeasonRules;
};

export type Season = {
  number: number;
  /** Random; written into every shard when the season opens [R 3]. */
  incarnation: string;
  /** Random; mixed into the hashes of ids, so that nobody can make two of them meet. */
  salt: string;
  state: "opening" | "open" | "closed";
  /** ms since the Unix epoch. */
  openedAtMs: number;
  /** Known when it opens: it fixes how much room a tie time takes, and never changes. */
  endsAtMs?: number;
  /** When it closes, where that is another instant: rolled over by hand, or planned anew since it opened. */
  closesAtMs?: number;
};

/** A season with the rules that the board has in it. */
export type BoardSeason = { board: Board; season: Season };

/** What is stored of a board: its rules and season of now, and the seasons beside it that Redis holds. */
export type BoardRecord = BoardSeason & {
  /** Grows by one with every change of the record, over rebuilds too. */
  revision: number;
  /** Opened before the season ends, so that it takes over without a gap. */
  next?: BoardSeason;
  /** Over, and not yet in the archive; oldest first. */
  closing: ClosingSeason[];
  /** The rules that the board has from its next season on. */
  staged?: Board;
  /** Nobody reads or writes it any more. The record stays, so that its seasons' numbers and its revision never begin anew. */
  deleted?: BoardDeletion;
};

export type BoardDeletion = {
  atMs: number;
  /** What becomes of its rows in the database. */
  archive: "keep" | "delete";
  /** All of it is done; before that somebody has to go on with it. */
  removed?: true;
};

/** A season on its way into the archive. */
export type ClosingSeason = BoardSeason & {
  /** What its successor takes over of it is there. */
  carried?: true;
  /** It is in the archive: nothing reads it in Redis any more, and its keys go. */
  archived?: true;
};

/** A board in one of its seasons with everything derived, as the rooms use it. */
export type OpenBoard = {
  board: Board;
  season: Season;
  layout: Layout;
  shards: readonly ShardKeys[];
  feed: FeedKeys;
  /** The season that takes what arrives from this one's closing instant on; there once it is open. */
  next?: OpenBoard;
};
