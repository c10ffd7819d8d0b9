/** Every bound and pace of the client. All can be given to `createClient`. */
import type { BackoffRange } from "./backoff.ts";

export type Limits = BackoffRange & {
  /** Submissions that may wait for their acknowledgement; one more is refused with `queue_full`. */
  pendingMax: number;
  /** Submissions on the wire at one time. */
  inFlightMax: number;
  /** How long after its first send a submission may be sent again: the server's dedup window less a minute. [P-11] */
  confirmWithinMs: number;
  /** How long an acknowledgement may take. */
  requestTimeoutMs: number;
  /** How long a connection may take to come up, `getToken` included. */
  connectTimeoutMs: number;
  /** How long a connection must live until earlier failures are forgotten. [P-13] */
  stableAfterMs: number;
  /** How long a view or a rank is still followed after its last listener left: a page that re-mounts does not ask twice. */
  lingerMs: number;
  /** How long a connected client trusts what it heard of a board's season before it asks again. */
  seasonFreshMs: number;
};

export const DEFAULT_LIMITS: Readonly<Limits> = {
  pendingMax: 1000,
  inFlightMax: 16,
  confirmWithinMs: 9 * 60_000,
  requestTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  stableAfterMs: 10_000,
  lingerMs: 1000,
  seasonFreshMs: 30_000,
};
