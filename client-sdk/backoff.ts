/** Waiting before the next try. */

export type BackoffRange = {
  /** The cap of the first wait. */
  backoffMinMs: number;
  /** The cap stops doubling here. */
  backoffMaxMs: number;
};

/**
 * Full jitter: a uniform random wait in ms below a cap that doubles with every attempt (from 0). [P-13]
 *
 * Not socket.io-client's own back-off: that one clamps after adding its jitter, so from the fifth attempt on
 * all clients of a server that went away come back at the same moments.
 */
export function fullJitterMs(attempt: number, range: BackoffRange, random: () => number): number {
  return random() * Math.min(range.backoffMaxMs, range.backoffMinMs * 2 ** attempt);
}
