/** The progress of a long command on stderr, for people at a terminal; silent elsewhere, so that logs and pipes stay readable. */
import { Presets, SingleBar } from "cli-progress";

export type ProgressBar = {
  /** So many more are done. @param what of which part, if it is another one now */
  add(count: number, what?: string): void;
  stop(): void;
};

/** @param total of what `add` counts; it may turn out to be more */
export function progressBar(total: number, unit: string): ProgressBar {
  if (!process.stderr.isTTY) return { add: () => undefined, stop: () => undefined };
  const format = `{what} [{bar}] {percentage} % {value}/{total} ${unit}, {eta_formatted} left`;
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic);
  bar.start(Math.max(1, total), 0, { what: "" });
  let done = 0;
  return {
    add: (count, what) => {
      done += count;
      if (done > bar.getTotal()) bar.setTotal(done);
      bar.update(done, what === undefined ? {} : { what });
    },
    stop: () => bar.stop(),
  };
}
