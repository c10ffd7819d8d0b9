/**
 * The scenarios by name, and how large each is: usually, in a smoke run, and at most. Pure, so that the command line and k6 read the
 * same table and neither can be talked into a load without an end.
 */

export type Size = { usual: number; quick: number; min: number; max: number; means: string };

const vus: Size = {
  usual: 4,
  quick: 2,
  min: 1,
  max: 32,
  means: "k6 VUs; the sockets are shared out among them",
};
const seconds: Size = { usual: 20, quick: 2, min: 1, max: 600, means: "seconds under load" };
const settle: Size = {
  usual: 3,
  quick: 1,
  min: 1,
  max: 60,
  means: "seconds to open all sockets before the load begins",
};
const rate: Size = { usual: 10, quick: 5, min: 1, max: 200, means: "HTTP batches a second" };
const batch: Size = { usual: 100, quick: 20, min: 1, max: 5_000, means: "submissions of a batch" };
const pause: Size = {
  usual: 200,
  quick: 50,
  min: 0,
  max: 60_000,
  means: "ms that a player rests between two scores, on average",
};

function sockets(usual: number, means: string): Size {
  return { usual, quick: 12, min: 1, max: 8_000, means };
}

export const SCENARIOS = {
  ingest: {
    summary: "signed-in players, one score each at a time over their sockets; every score counted once",
    sizes: { players: sockets(400, "signed-in players"), vus, seconds, pause },
  },
  "ingest-server": {
    summary: "a game server's HTTP batches with ids, some sent twice; every result checked",
    sizes: {
      rate: { ...rate, usual: 20 },
      batch: { ...batch, usual: 500 },
      seconds,
    },
  },
  fanout: {
    summary: "watchers of a hot board: no position missing, how late a score is seen",
    sizes: {
      watchers: sockets(200, "watchers, on views of 10 and 100 in turn"),
      vus,
      seconds,
      settle,
      rate,
      batch,
    },
  },
  personal: {
    summary:
      "signed-in players who follow their own rank: pushed after each own score, with its error and time",
    sizes: {
      players: sockets(200, "signed-in players"),
      vus,
      seconds,
      settle,
      pause: { ...pause, usual: 1_000, quick: 200 },
      rate,
      batch,
    },
  },
  "reconnect-storm": {
    summary: "all sockets closed at once and back with jitter and their positions, several times",
    sizes: {
      watchers: sockets(1_000, "watchers, on all three views in turn"),
      vus,
      settle: { ...settle, usual: 5 },
      rounds: { usual: 3, quick: 2, min: 1, max: 20, means: "times that all are closed" },
      every: { usual: 8, quick: 2, min: 1, max: 60, means: "seconds from one round to the next" },
      jitter: {
        usual: 2_000,
        quick: 300,
        min: 1,
        max: 30_000,
        means: "ms within which a socket first comes back",
      },
      // Most of the work is to be the coming back, and not the frames.
      rate: { ...rate, usual: 4 },
      batch: { ...batch, usual: 50 },
    },
  },
} as const satisfies Record<string, { summary: string; sizes: Record<string, Size> }>;

export type ScenarioName = keyof typeof SCENARIOS;
export type SizesOf<Name extends ScenarioName> = Record<keyof (typeof SCENARIOS)[Name]["sizes"], number>;

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[];

export function isScenarioName(name: string): name is ScenarioName {
  return Object.hasOwn(SCENARIOS, name);
}

export function sizeTable(name: ScenarioName): Record<string, Size> {
  return SCENARIOS[name].sizes;
}

/**
 * Every size of a scenario: as given, else as in the table.
 * @throws when a given one is not of this scenario, not a whole number, or out of its bounds
 */
export function sizesOf<Name extends ScenarioName>(
  name: Name,
  { quick, given }: { quick: boolean; given: Record<string, number> },
): SizesOf<Name> {
  const table = sizeTable(name);
  for (const [key, value] of Object.entries(given)) {
    const size = table[key];
    if (!size) throw new Error(`${name} has no --${key}; it has ${Object.keys(table).join(", ")}`);
    if (!Number.isInteger(value) || value < size.min || value > size.max)
      throw new Error(`--${key} is a whole number from ${size.min} to ${size.max} (${size.means})`);
  }
  const entries = Object.entries(table).map(([key, size]) => [
    key,
    given[key] ?? (quick ? size.quick : size.usual),
  ]);
  return Object.fromEntries(entries) as SizesOf<Name>;
}

/** Load goes to this machine only: a wrong address must not become somebody's outage. */
export function isLoopback(url: string): boolean {
  return /^http:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?\/?$/.test(url);
}
