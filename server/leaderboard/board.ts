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
  /** A power of two. */
  shards: number;
  /** Rows of the published top. */
  topSize: number;
  visibility: Visibility;
  /** Whether submissions may carry ≤ 256 bytes of metadata. */
  metadata: boolean;
  /** What entries, windows and views carry of profiles; nothing is looked up when empty. */
  profileFields: ProfileField[];
  /** ISO 8601; a board whose ties go by time is packed only with it, because the time must fit the bit budget. */
  endsAt?: string;
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
  endsAtMs?: number;
};

/** What is stored of a board. */
export type BoardRecord = { board: Board; season: Season };

/** A board with everything derived from its record, as the rooms use it. */
export type OpenBoard = {
  board: Board;
  season: Season;
  layout: Layout;
  shards: readonly ShardKeys[];
  feed: FeedKeys;
};
