/** The answer to a question that only hidden players get answered so. */
import type { EntryValues } from "./messages.ts";

/** What hidden players get for their own rank: the score as it is, which nobody else sees and no rank counts. */
export type HiddenAnswer = {
  board: string;
  season: number;
  member: string;
  rank: null;
  hidden: true;
} & EntryValues;
