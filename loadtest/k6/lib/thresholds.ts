/**
 * The budgets of every scenario, in k6's own words; k6 ends with an error when one is not kept. Pure.
 *
 * k6 lets a threshold of a metric without samples pass, and a promise that was rejected too: hence each scenario also says how many
 * sockets must have come to their planned end and that something was measured at all.
 */
import type { ScenarioName, SizesOf } from "./sizes.ts";

export type Thresholds = Record<string, string[]>;

type Budgets = { [Name in ScenarioName]: (sizes: SizesOf<Name>, slack: number) => Thresholds };

/** Nothing that is wrong is tolerable, at any load. */
const NOTHING_WRONG: Thresholds = { broken: ["count==0"], wrong: ["count==0"], refused: ["count==0"] };
/** Of the calls that were due, so many may fall away where the machine is too busy to make them. */
const DROPPED_MAX = 0.05;

function paced(due: number, slack: number): Thresholds {
  return {
    http_req_failed: ["rate==0"],
    dropped_iterations: [`count<=${Math.ceil(due * DROPPED_MAX * slack)}`],
  };
}

function withinMs(p95: number, p99: number, slack: number): string[] {
  return [`p(95)<${p95 * slack}`, `p(99)<${p99 * slack}`];
}

const BUDGETS: Budgets = {
  ingest: ({ players }, slack) => ({
    sockets_done: [`count==${players}`],
    scores: [`count>=${players}`],
    ack_ms: withinMs(250, 600, slack),
  }),
  "ingest-server": ({ rate, batch, seconds }, slack) => ({
    ...paced(rate * seconds, slack),
    scores: [`count>=${Math.floor(rate * seconds * (1 - DROPPED_MAX * slack) - 1) * batch}`],
    duplicates: ["count>0"],
    batch_ms: withinMs(500, 1_000, slack),
  }),
  fanout: ({ watchers, rate, seconds }, slack) => ({
    ...paced(rate * seconds, slack),
    sockets_done: [`count==${watchers}`],
    gaps: ["count==0"],
    frames: [`count>=${watchers}`],
    probes_seen: [`count>=${watchers}`],
    frame_lag_ms: withinMs(300, 600, slack),
  }),
  personal: ({ players, rate, seconds }, slack) => ({
    ...paced(rate * seconds, slack),
    sockets_done: [`count==${players}`],
    own_ranks: [`count>=${players}`],
    rank_missing: ["count==0"],
    ack_ms: withinMs(250, 600, slack),
    rank_lag_ms: withinMs(1_500, 2_500, slack),
  }),
  "reconnect-storm": ({ watchers, rounds, every, jitter, rate }, slack) => ({
    ...paced(rate * rounds * every, slack),
    sockets_done: [`count==${watchers}`],
    came_back: [`count==${watchers * rounds}`],
    gaps: ["count==0"],
    live_again_ms: [`p(95)<${jitter + 5_000 * slack}`, `max<${jitter + 8_000 * slack}`],
  }),
};

/**
 * @param quick a smoke run: its times mean nothing, so they are judged with ten times the room
 * @param extra expressions that replace those of the same metric, or come on top
 */
export function thresholdsOf<Name extends ScenarioName>(
  name: Name,
  { sizes, quick, extra }: { sizes: SizesOf<Name>; quick: boolean; extra: Thresholds },
): Thresholds {
  return { ...NOTHING_WRONG, ...BUDGETS[name](sizes, quick ? 10 : 1), ...extra };
}
