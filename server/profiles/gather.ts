/**
 * Questions for single keys, asked together: what is wanted while earlier questions are under way, or within one turn of the event
 * loop, goes out as one.
 *
 * Who asks never joins a question that has gone out already: its answer may be older than what the asker knows to be done.
 */
import { AppError } from "../base/errors.ts";

export type GatherOptions<Value> = {
  /** One question for some keys; what it leaves out has no answer. */
  ask: (keys: string[]) => Promise<Map<string, Value>>;
  /** Keys of one question. */
  keysMax: number;
  /** Questions under way. */
  questionsMax: number;
  /** Keys that wait; more are refused. */
  waitingMax: number;
};

type Waiting<Value> = {
  answer: Promise<Value | undefined>;
  resolve: (value: Value | undefined) => void;
  reject: (error: unknown) => void;
};

export class Gather<Value> {
  readonly #options: GatherOptions<Value>;
  #waiting = new Map<string, Waiting<Value>>();
  #underWay = 0;
  #scheduled = false;

  constructor(options: GatherOptions<Value>) {
    this.#options = options;
  }

  /** @throws AppError overloaded when too many wait, and what `ask` throws */
  async load(keys: readonly string[]): Promise<Map<string, Value>> {
    const fresh = keys.filter((key) => !this.#waiting.has(key)).length;
    if (this.#waiting.size + fresh > this.#options.waitingMax) {
      throw new AppError("overloaded", { retryAfterMs: 500 });
    }
    const answers = keys.map(
      async (key): Promise<[string, Value | undefined]> => [key, await this.#want(key)],
    );
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#send();
      });
    }
    const found = new Map<string, Value>();
    for (const [key, value] of await Promise.all(answers)) if (value !== undefined) found.set(key, value);
    return found;
  }

  #want(key: string): Promise<Value | undefined> {
    const same = this.#waiting.get(key);
    if (same) return same.answer;
    let settle!: Omit<Waiting<Value>, "answer">;
    const answer = new Promise<Value | undefined>((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#waiting.set(key, { answer, ...settle });
    return answer;
  }

  #send(): void {
    const { keysMax, questionsMax } = this.#options;
    while (this.#waiting.size > 0 && this.#underWay < questionsMax) {
      const batch = [...this.#waiting].slice(0, keysMax);
      for (const [key] of batch) this.#waiting.delete(key);
      void this.#ask(new Map(batch));
    }
  }

  async #ask(batch: Map<string, Waiting<Value>>): Promise<void> {
    this.#underWay++;
    try {
      const found = await this.#options.ask([...batch.keys()]);
      for (const [key, { resolve }] of batch) resolve(found.get(key));
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    } finally {
      this.#underWay--;
      this.#send();
    }
  }
}
