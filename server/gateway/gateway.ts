/** What the gateway's routes and handlers work with, and the questions that both ask. */
import type { IncomingMessage } from "node:http";
import type { Registry as MetricsRegistry } from "prom-client";
import type { StoredRewards } from "../archive/stored-rewards.ts";
import type { StoredSeasons } from "../archive/stored-seasons.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import type { BanStore } from "../bans/ban-store.ts";
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Counters } from "../counters/counters.ts";
import type { CountsAnswer } from "../counters/counts-reader.ts";
import type { BoardFeed } from "../feed/board-feed.ts";
import type { FeedHub } from "../feed/hub.ts";
import type { MemberHistory } from "../history/member-history.ts";
import type { PassedMembers } from "../history/passed-members.ts";
import type { PastSeasons } from "../history/past-seasons.ts";
import type { PastTops } from "../history/past-tops.ts";
import type { HeldReview } from "../ingest/held-review.ts";
import type { Ingest } from "../ingest/ingest.ts";
import type { Replication } from "../ingest/replication.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { feedSourceOf } from "../leaderboard/feed-source.ts";
import type { Reader } from "../leaderboard/reader.ts";
import type { Registry } from "../leaderboard/registry.ts";
import type { ShardFacts } from "../leaderboard/shard-facts.ts";
import type { Limits } from "../limits/limits.ts";
import type { Bans } from "../moderation/bans.ts";
import type { Moderation } from "../moderation/moderation.ts";
import type { OwnView } from "../moderation/own-view.ts";
import type { Profiles } from "../profiles/profiles.ts";
import type { IndexHub } from "../rank-index/index-hub.ts";
import type { BoardRemoval } from "../seasons/board-removal.ts";
import type { ApiKeys } from "../sessions/api-keys.ts";
import type { Devices } from "../sessions/devices.ts";
import type { JwtSignIn } from "../sessions/jwt-sign-in.ts";
import { type ApiKey, coversBoard, type Role } from "../sessions/key-text.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Signatures } from "../sessions/signatures.ts";
import type { Standings } from "../standings/standings.ts";
import type { BoardExport } from "../transfer/board-export.ts";
import type { Imports } from "../transfer/imports.ts";
import type { DeliveryStore } from "../webhooks/delivery-store.ts";
import type { EndpointStore } from "../webhooks/endpoint-store.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { TopProfiles } from "./followed-view-profiles.ts";
import type { GatewayMetrics } from "./gateway-metrics.ts";
import type { Connected } from "./local-connections.ts";
import type { ProfileChanges } from "./profile-changes.ts";
import type { SessionChecks } from "./session-checks.ts";

export type GatewayLimits = {
  socketsMax: number;
  subscriptionsMax: number;
  sseMax: number;
  messageBytesMax: number;
  httpBodyBytesMax: number;
  submissionsMax: number;
  membersMax: number;
  lagPacketsMax: number;
  lagMsMax: number;
  /** Members of one live list. */
  listMembersMax: number;
  /** Members × shards of one question for ranks. */
  rankCountsMax: number;
  /** How long requests under way may take when the server stops. */
  stopGraceMs: number;
};

export type Gateway = {
  registry: Registry;
  ingest: Ingest;
  replication: Replication;
  held: HeldReview;
  /** Who changed what. */
  trail: AuditTrail;
  moderation: Moderation;
  bans: Bans;
  banStore: BanStore;
  /** Who is told of events by HTTP, and what became of it. `test` notes one for an endpoint, @returns the delivery's id. */
  webhooks: {
    endpoints: EndpointStore;
    deliveries: DeliveryStore;
    test: (endpoint: string) => Promise<string>;
    privateTargets: boolean;
  };
  imports: Imports;
  /** What hidden players see of themselves. */
  ownView: OwnView;
  reader: Reader;
  /** Archived seasons. */
  pastSeasons: PastSeasons;
  storedSeasons: StoredSeasons;
  storedRewards: StoredRewards;
  exports: BoardExport;
  /** What was: tops as they stood, members over time, who passed whom. */
  pastTops: PastTops;
  memberHistory: MemberHistory;
  passedMembers: PassedMembers;
  /** Everything until then is in the tables, in ms. @throws AppError not_available, unavailable */
  archivedUntil: (open: OpenBoard) => Promise<number>;
  /** How long the changes of a board are kept, in ms. */
  logKeptMs: (open: OpenBoard) => number;
  /** Deletes boards. */
  removal: BoardRemoval;
  hub: FeedHub;
  indexes: IndexHub;
  standings: Standings;
  profiles: Profiles;
  profileChanges: ProfileChanges;
  topProfiles: TopProfiles;
  /** `player`: players may change their own. */
  profileWriters: "server" | "player";
  sessions: Sessions;
  signatures: Signatures;
  checks: SessionChecks;
  control: ControlPlane;
  keys: ApiKeys;
  /** Ways of signing in that are off are undefined. */
  jwt: JwtSignIn | undefined;
  devices: Devices | undefined;
  limits: GatewayLimits;
  /** How often who may do what. */
  rates: Limits;
  /** Where a request comes from, as limits count it. */
  addressOf: (request: IncomingMessage) => string;
  /** Browser origins that may call; `*` for any. */
  origins: string[] | "*";
  log: Log;
  metrics: MetricsRegistry;
  /** Metrics of this process; what is counted for all of them is `boardCounters`. */
  counters: GatewayMetrics;
  boardCounters: Counters;
  connected: Connected;
  /** @param days how many, today included. @throws AppError unavailable */
  readBoardCounts: (board: string, days: number) => Promise<CountsAnswer>;
  readAllCounts: (days: number) => Promise<CountsAnswer>;
  /** Names what is not ready; empty when everything is. */
  unready: () => Promise<string[]>;
  /** What the store and the database take, measured now. @throws what Redis throws, AppError unavailable */
  capacity: () => Promise<object>;
  /** Of every shard, by number. @throws AppError store_lost, unavailable */
  shardFacts: (open: OpenBoard) => Promise<ShardFacts[]>;
  /** How far the tables are, by shard; undefined where no database can tell. Never rejects. */
  archivedPositions: (open: OpenBoard) => Promise<Map<number, { n: number; at: Date }> | undefined>;
  /** Names what does not work although the rest does: `store_full`. */
  degraded: () => Promise<string[]>;
  /** Folder of the built page, when there is one. */
  webRoot: string | undefined;
};

/** Who asks: an API key, a player by session, or anybody. */
export type Caller =
  | { role: Role; key: ApiKey; presented: string }
  | { role: "player"; member: string; token: string }
  | { role: "anyone" };

/** A private board is read with a key whose scopes cover it, or a session token. */
export function mayRead({ board }: OpenBoard, caller: Caller): boolean {
  if (board.visibility === "public") return true;
  return "key" in caller ? coversBoard(caller.key, board.id) : caller.role === "player";
}

export function privateBoard({ board }: OpenBoard): AppError {
  return new AppError("forbidden", {
    message: `Board "${board.id}" is private: use a key for it or a session token.`,
  });
}

/** @throws AppError board_not_found, or forbidden when the board is private and the caller is nobody */
export async function readableBoard({ registry }: Gateway, id: string, caller: Caller): Promise<OpenBoard> {
  const open = await registry.get(id);
  if (!mayRead(open, caller)) throw privateBoard(open);
  return open;
}

/** The board as it is after something was awaited. @throws AppError board_not_found when it was deleted meanwhile */
export function stillThere({ registry }: Gateway, { board: { id } }: OpenBoard): OpenBoard {
  const now = registry.boards.get(id);
  if (!now) throw goneBoard(id);
  return now;
}

export function goneBoard(id: string): AppError {
  return new AppError("board_not_found", { message: `Board "${id}" was deleted.` });
}

/**
 * A board's feed, in step with Redis.
 * @throws AppError store_lost, also while it is being read anew because the season was restored; unavailable
 */
export async function openFeedOf(gateway: Gateway, open: OpenBoard): Promise<BoardFeed> {
  const feed = await gateway.hub.open(open.feed, feedSourceOf(gateway.registry, open));
  const { id } = open.board;
  if (feed.lost || gateway.registry.lost.has(id)) {
    throw new AppError("store_lost", { message: `The feed of "${id}" is missing.` });
  }
  const now = gateway.registry.hot(id, open.season.number);
  if (now && !feed.isOf(now)) {
    feed.readAnew();
    const message = `The feed of "${id}" is being read anew: its season was restored.`;
    throw new AppError("store_lost", { message, retryAfterMs: 100 });
  }
  return feed;
}
