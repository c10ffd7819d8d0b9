/** What the subscription tests share. */
import type { TopStore } from "../../client-sdk/index.ts";
import type { Row } from "../../client-sdk/protocol/messages.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, infoOf, row, type Scene, snapshotOf } from "./samples.ts";

export const snapshotReply = (offset: number, rows: Row[], change = {}): object => ({
  info: infoOf(),
  mode: "snapshot",
  snapshot: snapshotOf(offset, rows, change),
});
export const resumeReply = (...frames: object[]): object => ({ info: infoOf(), mode: "resume", frames });

export const members = (top: TopStore): string[] => top.getSnapshot().entries.map(({ member }) => member);

/** A connected client with a live top ten: `a` at offset 1. */
export async function liveScene(): Promise<Scene & { top: TopStore; stop: () => void }> {
  const scene = await connectedScene();
  const top = scene.client.board("f1").top({ limit: 10 });
  const stop = top.subscribe(() => {});
  await settle();
  scene.transport.answer("subscribe", snapshotReply(1, [row("a", 10)]));
  await settle();
  return { ...scene, top, stop };
}
