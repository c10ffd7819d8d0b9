/** What the submission tests share. */
import type { Operator, SubmitMessage } from "../../client-sdk/protocol/messages.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, infoOf, type Scene } from "./samples.ts";

export const accepted = (score: number): object => ({ season: 1, result: { outcome: "accepted", score } });

/** A connected client that has just heard of the board. */
export async function informedScene(operator: Operator, options = {}): Promise<Scene> {
  const scene = await connectedScene(options);
  const info = scene.client.board("f1").info();
  await settle();
  scene.transport.answer("board", { info: infoOf({ operator }) });
  await info;
  return scene;
}

/** Submit and look away: what becomes of it is seen on the wire. */
export function submitAll({ client }: Scene, ...scores: number[]): void {
  for (const score of scores)
    client
      .board("f1")
      .submit({ score })
      .catch(() => {});
}

export const scores = (messages: SubmitMessage[]): number[] => messages.map(({ score }) => score);
