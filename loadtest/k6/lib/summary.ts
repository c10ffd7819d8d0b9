/** k6's figures of a run as a file for `npm run load`; without it, nothing beyond k6's own progress. */

export function writeSummary(data: object): Record<string, string> {
  const path = __ENV.LOAD_SUMMARY;
  return { [path || "stdout"]: `${JSON.stringify(data)}\n` };
}
