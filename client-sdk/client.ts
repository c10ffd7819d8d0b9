/** Puts the parts together: one connection, one queue, and everything that is followed. */

import { type Board, createBoard } from "./board.ts";
import { BoardMemory } from "./board-memory.ts";
import { Connection, type ConnectionState, type TokenSource } from "./connection.ts";
import { type Environment, systemEnvironment } from "./environment.ts";
import { ownError } from "./errors.ts";
import { Follows } from "./follows.ts";
import { getOrMake } from "./get-or-make.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { whenConnected } from "./patient-request.ts";
import type { Notice } from "./protocol/messages.ts";
import { createSigner, type SigningSecret } from "./signer.ts";
import { Listeners, type Store } from "./store.ts";
import { SubmitQueue } from "./submit-queue.ts";
import { createSocketTransport, type Transport } from "./transport.ts";

export type ClientOptions = Partial<Limits> & {
  /** Of the server, such as `https://scores.example.com`. */
  url: string;
  /** A session token. Without one the client is a spectator: it may follow public boards. */
  token?: string;
  /** Instead of `token`: asked before the first connection, and once more when the server answers `unauthorized`. */
  getToken?: TokenSource;
  /** The `signingSecret` that came with the token, for boards with signed submissions; a function where `getToken` opens new sessions. */
  signingSecret?: SigningSecret;
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
  const { signingSecret } = options;
  const sign = signingSecret === undefined ? {} : { sign: createSigner(signingSecret) };
  const queue = new SubmitQueue({ connection, memory, environment, limits, ...sign });
  const follows = new Follows({ connection, environment, limits, memory });
  const boards = new Map<string, Board>();

  // Subscribed before any listener of the application, which therefore always finds the parts in step.
  connection.state.subscribe(() => {
    const state = connection.state.getSnapshot();
    if (state.status === "closed") {
      queue.end(state.reason);
      follows.end(state.reason);
    } else if (state.status === "connected") {
      follows.up();
      queue.pump();
    } else {
      follows.down();
    }
  });
  transport.on("frame", (frame) => follows.onTop(frame));
  transport.on("snapshot", (snapshot) => follows.onTop(snapshot));
  transport.on("rank", (standing) => follows.onStanding(standing));
  transport.on("window", (window) => follows.onWindow(window));
  transport.on("profiles", (message) => follows.onProfiles(message));
  transport.on("ended", (ended) => follows.onEnded(ended));

  const notices = new Listeners<Notice>();
  transport.on("notice", (notice) => notices.call(notice));

  const parts = { connection, environment, limits, queue, follows };
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
