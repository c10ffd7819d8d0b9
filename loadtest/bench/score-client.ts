/** Score batches over HTTP as a game server sends them: bodies made beforehand, answers not looked into. */
import { Agent, request } from "node:http";
import { SERVER_KEY } from "../processes/server-process.ts";

export type ScoreOf = { member: string; score: number };

export class ScoreClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: number;
  readonly #path: string;

  constructor(port: number, board: string) {
    this.#port = port;
    this.#path = `/v1/boards/${board}/scores`;
  }

  static encode(submissions: readonly ScoreOf[]): Buffer {
    return Buffer.from(JSON.stringify({ submissions }));
  }

  submit(submissions: readonly ScoreOf[]): Promise<void> {
    return this.post(ScoreClient.encode(submissions));
  }

  post(body: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${SERVER_KEY}`,
        "content-type": "application/json",
        "content-length": body.length,
      };
      const options = { port: this.#port, agent: this.#agent, method: "POST", path: this.#path, headers };
      const posted = request(options, (response) => {
        response.resume();
        response.once("error", reject);
        response.once("end", () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`POST ${this.#path}: ${response.statusCode}`));
        });
      });
      posted.once("error", reject);
      posted.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
