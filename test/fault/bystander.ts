/** A healthy board with a client that follows it and a player who submits to it: whatever others send, it stays live and whole. */
import { expect } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

export class Bystander {
  readonly #server: TestServer;
  readonly #board: string;
  readonly #spectator: RawClient;
  readonly #player: RawClient;
  readonly #scores = new Map<string, number>();
  #round = 0;

  private constructor(server: TestServer, board: string, spectator: RawClient, player: RawClient) {
    this.#server = server;
    this.#board = board;
    this.#spectator = spectator;
    this.#player = player;
  }

  static async create(server: TestServer): Promise<Bystander> {
    const board = uniqueBoard("bystander");
    const columns = [{ name: "s", max: 1e6 }];
    await server.createBoard(board, { operator: "incr", columns, writers: "player" });
    const spectator = await new RawClient(server.url).connected();
    const player = await new RawClient(server.url, await server.signIn("healthy")).connected();
    await spectator.follow(board);
    return new Bystander(server, board, spectator, player);
  }

  /** One more score over HTTP and one over the socket: both are counted once, and the follower sees exactly them. */
  async thrives(): Promise<void> {
    const round = ++this.#round;
    const { body } = await this.#server.call("POST", `/v1/boards/${this.#board}/scores`, {
      key: SERVER_KEY,
      body: { submissions: [{ member: `m${round % 5}`, score: round, id: `r${round}` }] },
    });
    expect(body).toMatchObject({ counts: { accepted: 1 } });
    const own = await this.#player.submit({ board: this.#board, score: 1, id: `r${round}` });
    expect(own).toMatchObject({ ok: true, result: { outcome: "accepted", score: round } });
    this.#scores.set(`m${round % 5}`, (this.#scores.get(`m${round % 5}`) ?? 0) + round);
    this.#scores.set("healthy", round);
    await eventually(() => {
      const rows = this.#spectator.rows.map(([member, , score]): [string, number] => [member, score]);
      expect(new Map(rows)).toEqual(this.#scores);
    });
    expect(this.#spectator.gaps).toEqual([]);
    expect([...this.#spectator.byes, ...this.#player.byes]).toEqual([]);
  }

  close(): void {
    this.#spectator.close();
    this.#player.close();
  }
}
