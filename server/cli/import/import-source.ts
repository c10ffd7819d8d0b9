/** Where entries come from that `rankwire import` brings: read once to be sent, and again to be compared. */
import type { Column } from "../../../client-sdk/protocol/messages.ts";
import type { ApiClient } from "../api-client.ts";

/** Columns as far as reading needs them; the first is the score. */
export type ReadColumns = readonly Column[];

/** An entry as the source has it; `problem` where it has one that no board takes. `where` is for people. */
export type SourceEntry = { where: string; member: string } & (
  | { score: number; columns: Readonly<Record<string, number | string>>; isHidden: boolean }
  | { problem: string }
);

export type SendOptions = {
  board: string;
  mode: "put" | "best" | "absent";
  ties: "exact" | "time";
  dryRun: boolean;
  importId: string;
  /** So much more is sent, in the unit of `size`. */
  onSent: (more: number) => void;
};

/** What the server said, over all calls. */
export type Sent = {
  lines: number;
  written: number;
  unchanged: number;
  skipped: number;
  failed: number;
  errors: { where: string; code: string; message: string }[];
};

export type ImportSource = {
  /** For a progress bar. */
  size: () => Promise<{ total: number; unit: string }>;
  /** @throws ApiFailure */
  send: (api: ApiClient, options: SendOptions) => Promise<Sent>;
  /** Of a board that takes it all, where the source itself says one: an export of a board. */
  definition: () => Promise<object | undefined>;
  /** @throws Error for people */
  entries: (columns: ReadColumns) => AsyncGenerator<SourceEntry[]>;
};

/** Bad entries that are listed; all are counted. */
export const ERRORS_MAX = 100;
