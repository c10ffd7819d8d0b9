/** The end of a run: k6's figures as a file for `npm run load`, or on the screen for a person who runs k6 alone. */
import { type Metrics, metricLines } from "./metric-lines.ts";

export function handleSummary(data: { metrics: Metrics }): Record<string, string> {
  const path = __ENV.LOAD_SUMMARY;
  return path ? { [path]: JSON.stringify(data) } : { stdout: `${metricLines(data.metrics).join("\n")}\n` };
}
