/** `npm run demo` as a user starts it, in a process group of its own. */
import { type ChildProcess, spawn } from "node:child_process";

export class DemoProcess {
  readonly #child: ChildProcess;
  /** Resolves with the exit code when it and what it started have closed their output. */
  readonly exited: Promise<number | null>;
  output = "";

  /** @param settings for its environment */
  constructor(command: string, settings: Record<string, string>) {
    const { NODE_ENV: _, ...inherited } = process.env;
    const [file = "", ...args] = command.split(" ");
    const env = { ...inherited, ...settings };
    this.#child = spawn(file, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const collect = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    this.#child.stdout?.on("data", collect);
    this.#child.stderr?.on("data", collect);
    this.exited = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** What it tells people to open; empty before that. */
  get url(): string {
    return /Open +(http:\S+)/.exec(this.output)?.[1] ?? "";
  }

  get isAlive(): boolean {
    return isAlive(-this.#child.pid!);
  }

  /** Ctrl-C, and everything has ended. */
  async interrupt(): Promise<void> {
    process.kill(-this.#child.pid!, "SIGINT");
    await this.exited;
  }

  /** For a test that has failed. */
  kill(): void {
    if (this.#child.pid !== undefined && this.isAlive) process.kill(-this.#child.pid, "SIGKILL");
  }
}

/** @param pid below 0: of the process group */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
