/**
 * Where an export waits for its reader: a file in DATA_DIR without a name, so that nothing of it outlives the process, and a slow reader
 * holds neither the database nor memory.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../base/errors.ts";

/** What is read of the file, and written to it, at once. */
const PART_BYTES = 256 * 1024;
const NEWLINE = 10;

export class ExportSpool {
  readonly #file: FileHandle;
  readonly #bytesMax: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #bytes = 0;

  private constructor(file: FileHandle, bytesMax: number) {
    this.#file = file;
    this.#bytesMax = bytesMax;
  }

  /** @param bytesMax what it may take of the disk */
  static async open(dataDir: string, bytesMax: number): Promise<ExportSpool> {
    const folder = join(dataDir, "exports");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, randomUUID());
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return new ExportSpool(file, bytesMax);
  }

  /** Lines without the newline of the last. @throws AppError not_available when there is no room for more */
  async append(lines: string): Promise<void> {
    const bytes = Buffer.from(`${lines}\n`);
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#bytesMax) {
      throw new AppError("not_available", {
        message: `The export would take more than ${this.#bytesMax} bytes of DATA_DIR: raise EXPORT_SPOOL_BYTES_MAX where the disk has room.`,
      });
    }
    if (this.#pendingBytes >= PART_BYTES) await this.#flush();
  }

  /** What was appended, from the beginning, some lines at a time. Any number of times. */
  async *read(): AsyncGenerator<string[]> {
    await this.#flush();
    let rest = Buffer.alloc(0);
    for (let at = 0; at < this.#bytes; ) {
      const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(PART_BYTES), 0, PART_BYTES, at);
      if (bytesRead === 0) throw new Error("An export's file is shorter than what was written to it.");
      at += bytesRead;
      const part = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      const end = part.lastIndexOf(NEWLINE);
      rest = part.subarray(end + 1);
      if (end >= 0) yield part.toString("utf8", 0, end).split("\n");
    }
  }

  /** Gives the disk back; again is harmless. */
  async close(): Promise<void> {
    this.#pending = [];
    await this.#file.close().catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const parts = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let bytes = Buffer.concat(parts); bytes.length > 0; ) {
      const { bytesWritten } = await this.#file.write(bytes);
      bytes = bytes.subarray(bytesWritten);
    }
  }
}
