/** Signals to stop: Ctrl-C, a supervisor's, and that of a terminal which closes. */

/** npm passes a Ctrl-C on that the terminal has sent to us too: the same press comes twice. */
const SAME_PRESS_MS = 1_000;

/**
 * `leave` is called once, at the first signal. Another Ctrl-C a second later ends the process at once, with exit code 130; what
 * listens to the process's `exit` still runs.
 */
export function leaveOnSignal(leave: (signal: string) => void): void {
  let leavingSince: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (leavingSince === undefined) {
        leavingSince = performance.now();
        leave(signal);
      } else if (signal === "SIGINT" && performance.now() - leavingSince > SAME_PRESS_MS) {
        console.error("Forced.");
        process.exit(130);
      }
    });
  }
}
