/** The whole public surface of rankwire-client. */
export type { Board, SubmitOptions } from "./board.ts";
export { type ClientOptions, createClient, type RankwireClient } from "./client.ts";
export type { ConnectionState, TokenSource } from "./connection.ts";
export type { Cancel, Environment } from "./environment.ts";
export { SdkError, type SdkErrorCode } from "./errors.ts";
export type { Limits } from "./limits.ts";
export type { MeSnapshot, MeStore } from "./me-store.ts";
export type { ByeCode, ClientErrorCode, ErrorBody, ErrorCode } from "./protocol/codes.ts";
export type {
  BoardInfo,
  Column,
  Entry,
  Notice,
  Operator,
  Order,
  Outcome,
  Position,
  Profile,
  ProfileField,
  RankAnswer,
  RuleViolation,
  Standing,
  SubmissionResult,
  Ties,
  WindowEntry,
} from "./protocol/messages.ts";
export type { CarryOver, SeasonInfo, SeasonRules } from "./protocol/seasons.ts";
export type { SigningSecret } from "./signer.ts";
export type { Store } from "./store.ts";
export type { FollowStatus } from "./subscription-state.ts";
export type { TopSnapshot, TopStore } from "./top-store.ts";
export type { Transport, TransportEvents } from "./transport.ts";
export type { WindowSnapshot, WindowStore } from "./window-store.ts";
