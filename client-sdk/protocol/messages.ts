/**
 * The shapes of every message, both ways. `rules.md` beside this file is the normative text; `[P-n]` cites its rules.
 */
import type { ByeCode, ErrorBody } from "./codes.ts";
import type { SeasonInfo, SeasonRules } from "./seasons.ts";

export type Order = "desc" | "asc";
export type Operator = "best" | "set" | "incr" | "decr";
export type Ties = "shared" | "earliest" | "latest";
export type Writers = "server" | "player";
/** What happens to a submission that breaks a score rule: `rejected`, or `held` until an admin has looked at it. */
export type OnViolation = "refuse" | "hold";
export type Visibility = "public" | "private";

/** What a board may show of its members' profiles. */
export const PROFILE_FIELDS = ["displayName", "avatarUrl", "country", "extra"] as const;
export type ProfileField = (typeof PROFILE_FIELDS)[number];

/** How a board's places are stored: in one number of 53 bits, or in a number and a text. */
export type BoardLayout = "packed" | "wide";

/** A number with a fixed count of decimals. */
export type DecimalColumn = {
  name: string;
  type: "decimal";
  order: Order;
  min: number;
  max: number;
  decimals: number;
};
/** Any finite float64. */
export type FloatColumn = { name: string; type: "float"; order: Order; min?: number; max?: number };
/** A signed 64-bit integer, answered as decimal text because a JavaScript number does not hold it; never the first column. */
export type Int64Column = { name: string; type: "int64"; order: Order };
/** One compared value of an entry. The first column of a board is its score. */
export type Column = DecimalColumn | FloatColumn | Int64Column;

/** What one member may change on a board, and how fast: amounts of its first column. [P-20] */
export type ScoreRules = {
  maxChange?: number;
  maxChangePerMinute?: number;
  minIntervalMs?: number;
  /** Players sign their submissions. [P-21] */
  signed: boolean;
  onViolation: OnViolation;
};

/** Which rule a submission breaks: `value` is what it would have come to, in the measure of the rule. [P-20] */
export type RuleViolation = {
  rule: "maxChange" | "maxChangePerMinute" | "minIntervalMs";
  limit?: number;
  value: number;
  /** It is refused, because the board holds as many submissions as it may. */
  heldFull?: true;
};

/** What anybody may know about a board. */
export type BoardInfo = {
  board: string;
  order: Order;
  operator: Operator;
  columns: Column[];
  layout: BoardLayout;
  ties: Ties;
  writers: Writers;
  /** Present where players must sign. [P-21] */
  signed?: true;
  visibility: Visibility;
  shards: number;
  topSize: number;
  /** What entries and views of the board carry of profiles; nothing when empty. [P-22] */
  profileFields: ProfileField[];
  season: SeasonInfo;
  /** How its seasons follow each other. */
  seasonRules: SeasonRules;
};

/** A place in a board's feed: which life (`epoch`), how far (`offset`, dense). [P-1] */
export type Position = { epoch: string; offset: number };

/** A number on packed boards, ASCII text of one length on wide ones: either way `<` says which is better. [P-3] */
export type SortKey = number | string;

/** `[member, sortKey, score, …columns]`: smaller sort keys are better, equal keys order by member bytes. [P-3] */
export type Row = [member: string, sortKey: SortKey, score: number, ...columns: (number | string)[]];

export type ViewSize = 10 | 100 | "all";
export const VIEW_SIZES: readonly ViewSize[] = [10, 100, "all"];

/** What changed in one view between two offsets. Applied iff `after` equals the receiver's own offset. [P-4] */
export type Frame = {
  board: string;
  season: number;
  view: ViewSize;
  epoch: string;
  after: number;
  offset: number;
  set: Row[];
  drop: string[];
  /** Members on the board when this frame was made. */
  total: number;
};

/** What is known of members, by member; null takes back what was told before. Only fields that the board asks for. [P-22] */
export type MemberProfiles = Record<string, Profile | null>;

/** One whole view at one position. `profiles` are those of its rows that are known by now. [P-22] */
export type Snapshot = {
  board: string;
  season: number;
  view: ViewSize;
  epoch: string;
  offset: number;
  rows: Row[];
  total: number;
  profiles?: MemberProfiles;
};

export type Outcome = "accepted" | "unchanged" | "duplicate" | "held" | "rejected";

/** A member's values as they stand: `score` is the first column, `columns` the others by name; text for 64-bit integers. */
export type EntryValues = { score: number; columns?: Record<string, number | string> };

/** One attempt to change an entry. `id` is the idempotency key. */
export type Submission = EntryValues & {
  id?: string;
  season?: number;
  metadata?: string;
  signature?: string;
};

/** How far a submission has come when it is acknowledged: applied in the store's memory, or on at least one replica too. [P-11] */
export type AckLevel = "memory" | "replica";

export type SubmissionResult =
  | ({ outcome: "accepted" | "unchanged" | "duplicate"; idempotent?: false } & EntryValues)
  /** Not counted: an admin decides. The values are those of the entry as it is, if there is one. [P-20] */
  | ({ outcome: "held"; violation: RuleViolation } & Partial<EntryValues>)
  | ({ outcome: "rejected"; error: ErrorBody } & Partial<EntryValues>);

/** `metadata` is what the last accepted submission that carried some brought; not in tops and feeds. */
export type Entry = EntryValues & { rank: number; member: string; metadata?: string; profile?: Profile };

/** Who a member is to people. Every field may be absent. */
export type Profile = {
  /** 1 to 64 characters. */
  displayName?: string;
  /** https, at most 2,048 characters. */
  avatarUrl?: string;
  /** ISO 3166-1 alpha-2, such as `CH`. */
  country?: string;
  /** JSON of the game's own, at most 16 KB. */
  extra?: unknown;
};

export type RankAnswer = {
  board: string;
  season: number;
  member: string;
  rank: number;
  exact: boolean;
  /** Of a rank that is not exact: by how many ranks it may be off at `asOf`. */
  error?: number;
  /** ms since the Unix epoch. */
  asOf?: number;
  total: number;
  /** Share of members at or below this rank, 0–100. */
  percentile: number;
  metadata?: string;
  profile?: Profile;
} & EntryValues;

/**
 * Where one member stands as it is pushed: exact, or within `error` ranks of the truth as of `asOf`. [P-17]
 */
export type Standing = {
  board: string;
  season: number;
  member: string;
  /** Null: the member is not on the board, or hidden. */
  rank: number | null;
  /** Only for the member: hidden by an admin, with the score that nobody else sees. */
  hidden?: true;
  exact: boolean;
  /** By how many ranks `rank` may be off at `asOf`, what the filter of small changes holds back included; 0 when exact. */
  error: number;
  /** When what the rank was made from was true: ms since the Unix epoch. */
  asOf: number;
  /** Only of a rank made from the feed's published top. */
  position?: Position;
  /** Members on the board. */
  total: number;
  /** Share of members at or below this rank, 0–100; 0 without a rank. */
  percentile: number;
  /** Who passed this member, and whom it passed, since the last standing; at most 5 each. Only where it is known: in the published top. */
  overtakenBy?: string[];
  overtook?: string[];
} & Partial<EntryValues>;

/** One line of a live window: `place` is the order among those shown, from 1; `exact` and `error` speak of `rank`. */
export type WindowEntry = EntryValues & {
  place: number;
  rank: number;
  exact: boolean;
  error: number;
  member: string;
  profile?: Profile;
};

/** The entries round a member, or those of a list of members (friends), best first. [P-18] */
export type LiveWindow = {
  board: string;
  season: number;
  total: number;
  /** ms since the Unix epoch. */
  asOf: number;
  entries: WindowEntry[];
} /** `hidden`, with the own values: only for the member, whom an admin hid; then there are no entries. */ & (
  | ({ kind: "around"; member: string; hidden?: true } & Partial<EntryValues>)
  /** `missing` are those of the list that are not on the board. */
  | { kind: "members"; list: string; missing: string[] }
);

// Client → server -------------------------------------------------------------------------------------------

/** `ack` is `memory` when absent. */
export type SubmitMessage = { board: string; ack?: AckLevel } & Submission;
export type SubscribeTop = { board: string; kind: "top"; view: ViewSize; position?: Position };
/** The signed-in player's own rank, or that of a named member. */
export type SubscribeMe = { board: string; kind: "me"; member?: string };
/** `limit` is 3 to 101, 11 when absent. */
export type SubscribeAround = { board: string; kind: "around"; member?: string; limit?: number };
/** `list` names the list on this connection; the same name again replaces it. At most 500 members. */
export type SubscribeMembers = { board: string; kind: "members"; list: string; members: string[] };
export type SubscribeMessage = SubscribeTop | SubscribeMe | SubscribeAround | SubscribeMembers;

/** What a subscription is known by on its connection. */
export type SubscriptionName =
  | { board: string; kind: "top"; view: ViewSize }
  | { board: string; kind: "me" | "around"; member?: string }
  | { board: string; kind: "members"; list: string };
export type UnsubscribeMessage = SubscriptionName;
export type RankMessage = { board: string; member?: string };
export type BoardMessage = { board: string };

/** `ack` is the level reached, when the message asked for one. */
export type SubmitReply = { season: number; result: SubmissionResult; ack?: AckLevel };
/** What brings a receiver of a view to the present. */
export type TopAnswer =
  | { mode: "resume"; frames: Frame[]; profiles?: MemberProfiles }
  | { mode: "snapshot"; snapshot: Snapshot };
export type TopReply = { info: BoardInfo } & TopAnswer;
export type MeReply = { info: BoardInfo; standing: Standing };
export type WindowReply = { info: BoardInfo; window: LiveWindow };
/** Of the kind that was asked for. */
export type SubscribeReply = TopReply | MeReply | WindowReply;

/** Every acknowledgement: the answer, or the error. [P-10] */
export type Ack<T> = ({ ok: true } & T) | { ok: false; error: ErrorBody };

export type ClientEvents = {
  submit: (message: SubmitMessage, ack: (reply: Ack<SubmitReply>) => void) => void;
  subscribe: (message: SubscribeMessage, ack: (reply: Ack<SubscribeReply>) => void) => void;
  unsubscribe: (message: UnsubscribeMessage, ack: (reply: Ack<object>) => void) => void;
  rank: (message: RankMessage, ack: (reply: Ack<RankAnswer>) => void) => void;
  board: (message: BoardMessage, ack: (reply: Ack<{ info: BoardInfo }>) => void) => void;
};

// Server → client -------------------------------------------------------------------------------------------

/** Sent before the server closes: `reconnect: false` is final, else come back within `afterMs` (a range). [P-12] */
export type Bye = { code: ByeCode; reconnect: boolean; afterMs: [min: number, max: number] };

/** One subscription is over although the connection stays: the board is not the receiver's to see any more. [P-16] */
export type Ended = SubscriptionName & { error: ErrorBody };

/** Profiles of members whom one subscription shows, beside its frames and windows. [P-22] */
export type ProfilesMessage = SubscriptionName & { profiles: MemberProfiles };

/** What the game's server tells a player, as it gave it. At most once. [P-19] */
export type Notice = { kind: string; data: unknown };

export type ServerEvents = {
  frame: (frame: Frame) => void;
  snapshot: (snapshot: Snapshot) => void;
  rank: (standing: Standing) => void;
  window: (window: LiveWindow) => void;
  profiles: (message: ProfilesMessage) => void;
  ended: (ended: Ended) => void;
  notice: (notice: Notice) => void;
  bye: (bye: Bye) => void;
};
