/** One handler for each message of a client. Each answers its payload's question or throws an AppError. */
import type { SocketMessages } from "../schemas.ts";
import { handleBoard } from "./board.ts";
import type { Handler } from "./handler.ts";
import { handleRank } from "./rank.ts";
import { handleSubmit } from "./submit.ts";
import { handleSubscribe } from "./subscribe.ts";
import { handleUnsubscribe } from "./unsubscribe.ts";

export const handlers: { [Name in keyof SocketMessages]: Handler<SocketMessages[Name]> } = {
  submit: handleSubmit,
  subscribe: handleSubscribe,
  unsubscribe: handleUnsubscribe,
  rank: handleRank,
  board: handleBoard,
};
