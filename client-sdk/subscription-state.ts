/** What a store shows of a subscription. */
import type { SdkError } from "./errors.ts";
import type { BoardInfo } from "./protocol/messages.ts";

/** `loading`: nothing yet. `stale`: what is shown is right but old, newer is asked for. `error`: given up. */
export type FollowStatus = "loading" | "live" | "stale" | "error";

export type SubscriptionState<V> = {
  status: FollowStatus;
  value: V | undefined;
  info: BoardInfo | undefined;
  error?: SdkError;
};
