/** Clock, timers and randomness: passed in, so that a test holds them. */

/** Stops what it was given for; calling it again does nothing. */
export type Cancel = () => void;

export type Environment = {
  /** Milliseconds that never go backwards and also count the time a device sleeps. */
  now: () => number;
  /** Milliseconds since 1970, as good as the device's clock is. */
  wall: () => number;
  /** Uniform in [0, 1). */
  random: () => number;
  /** A short text that no other submission of this player has. */
  newId: () => string;
  /** Run `action` once, `delayMs` from now. */
  after: (delayMs: number, action: () => void) => Cancel;
};

export function systemEnvironment(): Environment {
  return {
    now: sleeplessClock(),
    wall: () => Date.now(),
    random: Math.random,
    newId: randomId,
    after: (delayMs, action) => {
      const timer = setTimeout(action, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/**
 * The larger of two clocks' steps: `performance.now()` stands still while some devices sleep, `Date.now()` jumps
 * when somebody sets it. Time that is counted too long only ends a submission's window early; time that is
 * counted too short could let an increment be sent after the server has forgotten its id. [P-11]
 */
function sleeplessClock(): () => number {
  let date = Date.now();
  let steady = performance.now();
  let elapsed = 0;
  return () => {
    const dateNow = Date.now();
    const steadyNow = performance.now();
    elapsed += Math.max(dateNow - date, steadyNow - steady, 0);
    date = dateNow;
    steady = steadyNow;
    return elapsed;
  };
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** 96 random bits in 16 characters. Not randomUUID: browsers have that on https pages only, and it is longer. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => ALPHABET[byte & 63]).join("");
}
