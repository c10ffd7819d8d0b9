/** The submissions of one board that wait for their outcome, oldest first. */
import type { Cancel } from "./environment.ts";
import type { SdkError } from "./errors.ts";
import type { Operator, SubmissionResult, SubmitMessage } from "./protocol/messages.ts";

type Outcomes = {
  resolve: (result: SubmissionResult) => void;
  reject: (error: SdkError) => void;
};

export type Pending = Outcomes & {
  /** `season` is absent until it is known; nothing is sent before. */
  message: SubmitMessage;
  /** Known with the season. */
  operator: Operator | undefined;
  sequence: number;
  firstSentAt: number | undefined;
  inFlight: boolean;
  /** A send of it ended without any answer: it may have counted. */
  uncertain: boolean;
  settled: boolean;
  cancelExpiry: Cancel;
};

export type Lane = {
  board: string;
  items: Pending[];
  inFlight: number;
  asking: boolean;
  paused: boolean;
  /** Refusals in a row. */
  refusals: number;
  cancelPause: Cancel;
};

export function newLane(board: string): Lane {
  return { board, items: [], inFlight: 0, asking: false, paused: false, refusals: 0, cancelPause: () => {} };
}

export function newPending(
  message: SubmitMessage,
  operator: Operator | undefined,
  sequence: number,
  outcomes: Outcomes,
): Pending {
  return {
    ...outcomes,
    message,
    operator,
    sequence,
    firstSentAt: undefined,
    inFlight: false,
    uncertain: false,
    settled: false,
    cancelExpiry: () => {},
  };
}

export function oldestWaiting(lane: Lane): Pending | undefined {
  return lane.items.find(({ inFlight }) => !inFlight);
}

export function seasonless(lane: Lane): Pending[] {
  return lane.items.filter(({ message }) => message.season === undefined);
}
