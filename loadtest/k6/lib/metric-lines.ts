/** The figures of a run as a short table, for the screen. Pure. */

/** As k6 writes them: a number for each statistic, and which thresholds were kept. */
export type Metric = {
  type: string;
  values: Record<string, number>;
  thresholds?: Record<string, { ok: boolean }>;
};
export type Metrics = Record<string, Metric>;

/** k6's own that say something here; all of ours are shown. */
const OF_K6 = ["http_req_failed", "dropped_iterations", "data_received", "data_sent"];
const TABLE_ORDER = ["trend", "counter", "rate"];

/** One line each: name, figures, and what was wanted of them. */
export function metricLines(metrics: Metrics): string[] {
  const isShown = ([name]: [string, Metric]): boolean => OF_K6.includes(name) || !isOfK6(name);
  const rows = Object.entries(metrics)
    .filter(isShown)
    .filter(([, { type }]) => TABLE_ORDER.includes(type))
    .sort(([a, x], [b, y]) => TABLE_ORDER.indexOf(x.type) - TABLE_ORDER.indexOf(y.type) || (a < b ? -1 : 1))
    .map(([name, metric]) => [name, inWords(metric), judged(metric)] as const);
  const nameWidth = Math.max(...rows.map(([name]) => name.length), 0);
  const valueWidth = Math.max(...rows.map(([, value]) => value.length), 0);
  return rows.map(([name, value, verdict]) =>
    `  ${name.padEnd(nameWidth)}  ${value.padEnd(valueWidth)}  ${verdict}`.trimEnd(),
  );
}

function isOfK6(name: string): boolean {
  return /^(http_|ws_|iteration|vus|data_|dropped_|group_|checks)/.test(name);
}

function inWords({ type, values }: Metric): string {
  const number = (key: string): string => String(Number((values[key] ?? 0).toPrecision(4)));
  if (type === "trend")
    return ["p(50)", "p(95)", "p(99)", "max"].map((key) => `${key} ${number(key)}`).join("  ");
  if (type === "rate") return `${number("rate")}`;
  return `${number("count")}  (${number("rate")}/s)`;
}

function judged({ thresholds = {} }: Metric): string {
  return Object.entries(thresholds)
    .map(([expression, { ok }]) => `${ok ? "✓" : "✗"} ${expression}`)
    .join("  ");
}
