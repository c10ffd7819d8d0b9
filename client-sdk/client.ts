/** Puts the parts together: one connection, one queue, and one subscription for every view that is followed. */

import { type Board, createBoard } from "./board.ts";
import { BoardMemory } from "./board-memory.ts";
import { Connection, type ConnectionState, type TokenSource } from "./connection.ts";
import { type Environment, systemEnvironment } from "./environment.ts";
import { ownError } from "./errors.ts";
import { getOrMake } from "./get-or-make.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { whenConnected } from "./patient-request.ts";
import type { BoardInfo, Notice, ViewSize } from "./protocol/messages.ts";
import { Listeners, type Store } from "./store.ts";
import { SubmitQueue } from "./submit-queue.ts";
import { Subscription } from "./subscription.ts";
import { createSocketTransport, type Transport } from "./transport.ts";

export type ClientOptions = Partial<Limits> & {
  /** Of the server, such as `https://scores.example.com`. */
  url: string;
  /** A session token. Without one the client is a spectator: it may follow public boards. */
  token?: string;
  /** Instead of `token`: asked before the first connection, and once more when the server answers `unauthorized`. */
  getToken?: TokenSource;
  /** For tests. */
  transport?: Transport;
  /** For tests. */
  environment?: Partial<Environment>;
};

export type RankwireClient = {
  /** Not needed: the first use connects. Resolves when connected. @throws SdkError why the client is closed. */
  connect: () => Promise<void>;
  /** Final. Ends the connection and rejects what waits for an answer. */
  close: () => void;
  readonly state: Store<ConnectionState>;
  /** The same id gives the same board. */
  board: (id: string) => Board;
  /**
   * Call `listener` with every notice that the game's server sends the signed-in player, until the returned function is called. At most
   * once each: one that is sent while the client is away is lost.
   */
  onNotice: (listener: (notice: Notice) => void) => () => void;
};

export function createClient(options: ClientOptions): RankwireClient {
  const limits: Limits = { ...DEFAULT_LIMITS, ...options };
  const environment: Environment = { ...systemEnvironment(), ...options.environment };
  const transport = options.transport ?? createSocketTransport(options.url);
  const connection = new Connection({ ...options, transport, environment, limits });
  const memory = new BoardMemory(environment, limits);
  const queue = new SubmitQueue({ connection, memory, environment, limits });
  const subscriptions = new Map<string, Subscription>();
  const boards = new Map<string, Board>();

  // Subscribed before any listener of the application, which therefore always finds the parts in step.
  connection.state.subscribe(() => {
    const state = connection.state.getSnapshot();
    if (state.status === "closed") {
      queue.end(state.reason);
      for (const subscription of subscriptions.values()) subscription.end(state.reason);
    } else if (state.status === "connected") {
      for (const subscription of subscriptions.values()) subscription.up();
      queue.pump();
    } else {
      for (const subscription of subscriptions.values()) subscription.down();
    }
  });
  transport.on("frame", (frame) => {
    memory.hear(frame.board, frame.season);
    subscriptions.get(keyOf(frame.board, frame.view))?.onFrame(frame);
  });
  transport.on("snapshot", (snapshot) => {
    memory.hear(snapshot.board, snapshot.season);
    subscriptions.get(keyOf(snapshot.board, snapshot.view))?.onSnapshot(snapshot);
  });
  transport.on("ended", (ended) => {
    if (ended.kind === "top") subscriptions.get(keyOf(ended.board, ended.view))?.onEnded(ended.error);
  });

  const notices = new Listeners<Notice>();
  transport.on("notice", (notice) => notices.call(notice));

  const subscriptionOf = (board: string, view: ViewSize): Subscription => {
    const onInfo = (info: BoardInfo): void => memory.learn(info);
    const state = connection.state.getSnapshot();
    return getOrMake(subscriptions, keyOf(board, view), () => {
      const made = new Subscription({ board, view, connection, environment, limits, onInfo });
      if (state.status === "closed") made.end(state.reason);
      return made;
    });
  };

  const parts = { connection, environment, limits, memory, queue, subscriptionOf };
  return {
    connect: () => {
      const connected = whenConnected(connection);
      // Whoever awaits it hears of a refusal; whoever does not, watches `state`.
      connected.catch(() => {});
      return connected;
    },
    close: () => connection.close(ownError("closed", "The client was closed.")),
    state: connection.state,
    board: (id) => getOrMake(boards, id, () => createBoard(id, parts)),
    onNotice: (listener) => {
      connection.start();
      return notices.add(listener);
    },
  };
}

function keyOf(board: string, view: ViewSize): string {
  return `${view} ${board}`;
}
