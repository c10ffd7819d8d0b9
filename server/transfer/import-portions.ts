/** The portions of an import on their way to the shards: one is written while the next is gathered, and never more than that. */
import type { Portion } from "./import-lines.ts";
import type { ImportCounts } from "./import-record.ts";
import type { ImportWriter } from "./import-writer.ts";

/** What a portion came to. */
export type Done = ImportCounts & { lastLine: number };

export class Portions {
  readonly #writer: Pick<ImportWriter, "write">;
  readonly #onWritten: (done: Done, dirty: boolean) => Promise<void>;
  #underWay: Promise<void> = Promise.resolve();

  /** @param onWritten after each; what it throws ends the import */
  constructor(writer: Pick<ImportWriter, "write">, onWritten: (done: Done, dirty: boolean) => Promise<void>) {
    this.#writer = writer;
    this.#onWritten = onWritten;
  }

  /** Resolves when the one before is written and noted. @throws what its writing threw */
  async add(portion: Portion): Promise<void> {
    await this.#underWay;
    this.#underWay = this.#write(portion);
    // Whoever adds the next one, or waits for the end, hears of it.
    this.#underWay.catch(() => undefined);
  }

  /** @throws what the last writing threw */
  settled(): Promise<void> {
    return this.#underWay;
  }

  async #write({ entries, ...portion }: Portion): Promise<void> {
    if (portion.lines === 0 && portion.failed === 0) return;
    const { dirty, ...counts } = await this.#writer.write(entries);
    await this.#onWritten({ ...portion, ...counts }, dirty);
  }
}
