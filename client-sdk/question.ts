/** What a subscription asks the server, and what it makes of the answer and of the events that follow. */
import type { BoardInfo, SubscribeMessage, SubscriptionName } from "./protocol/messages.ts";

/** What is known after an answer or an event. */
export type Step<V> =
  | { kind: "value"; value: V }
  /** It says nothing new, or it is old. */
  | { kind: "nothing" }
  /** What came does not fit: ask again, and until then show `value` as stale, or what there was. */
  | { kind: "again"; value?: V };

/** `V` is what is known, `E` an event, `R` the answer to a subscribe. Pure, but for what it may remember of an answer that did not fit. */
export type Question<V, E, R extends { info: BoardInfo }> = {
  name: SubscriptionName;
  message: (known: V | undefined) => SubscribeMessage;
  /** @param held events that arrived behind the answer and were there before it was handled */
  answered: (reply: R, known: V | undefined, held: readonly E[]) => Step<V>;
  heard: (event: E, known: V) => Step<V>;
  seasonOf: (known: V) => number;
};
