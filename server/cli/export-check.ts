/** Whether an export came whole: its entries counted on their way, against what it announced and what its last line says. */

const NEWLINE = 10;
const QUOTE = 34;
/** No last line is longer. */
const LAST_BYTES = 256;

export class ExportCheck {
  readonly #format: "ndjson" | "csv";
  readonly #total: number;
  #lines = 0;
  #quoted = false;
  #last = Buffer.alloc(0);
  /** Seen so far. */
  bytes = 0;

  /** @param total entries that were announced */
  constructor(format: "ndjson" | "csv", total: number) {
    this.#format = format;
    this.#total = total;
  }

  /** Passes on what comes. @param onLines hears of so many more lines */
  async *watch(body: AsyncIterable<Uint8Array>, onLines: (more: number) => void): AsyncGenerator<Uint8Array> {
    for await (const part of body) {
      const before = this.#lines;
      this.#see(part);
      onLines(this.#lines - before);
      yield part;
    }
  }

  /** What is wrong, when all has come; undefined when it is whole. */
  problem(): string | undefined {
    const entries = this.#lines - (this.#format === "ndjson" ? 2 : 1);
    if (this.#format === "ndjson" && this.#endOf() !== this.#total)
      return "its last line, which counts the others, is not there.";
    return entries === this.#total ? undefined : `it has ${entries} entries instead of ${this.#total}.`;
  }

  #see(part: Uint8Array): void {
    this.bytes += part.length;
    for (const byte of part) {
      // Between quotes a line of CSV goes on; NDJSON has none that is not on one line.
      if (byte === QUOTE) this.#quoted = this.#format === "csv" && !this.#quoted;
      else if (byte === NEWLINE && !this.#quoted) this.#lines++;
    }
    this.#last = Buffer.concat([this.#last, part.subarray(-LAST_BYTES)]).subarray(-LAST_BYTES);
  }

  /** Entries, as the last line says. */
  #endOf(): number | undefined {
    const end = /\n\{"end":true,"entries":(\d+)\}\n$/.exec(this.#last.toString("latin1"));
    return end ? Number(end[1]) : undefined;
  }
}
