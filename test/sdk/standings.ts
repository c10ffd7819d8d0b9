/** What the tests of live ranks share. */
import type { MeStore } from "../../client-sdk/index.ts";
import type { LiveWindow, Standing, WindowEntry } from "../../client-sdk/protocol/messages.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, infoOf, type Scene } from "./samples.ts";

/** `rank` as of the moment `asOf`, of the signed-in player unless told otherwise. */
export function standingOf(rank: number | null, asOf: number, change: Partial<Standing> = {}): Standing {
  const base = { board: "f1", season: 1, member: "me", exact: true, error: 0, total: 100, percentile: 50 };
  return { ...base, rank, asOf, ...(rank === null ? {} : { score: 1000 - rank }), ...change };
}

export const meReply = (standing: Standing, season = 1): object => ({ info: infoOf({}, season), standing });

/** A connected client whose own standing is live: rank 50 as of 1000. */
export async function standingScene(member?: string): Promise<Scene & { me: MeStore; stop: () => void }> {
  const scene = await connectedScene();
  const me = scene.client.board("f1").me(member);
  const stop = me.subscribe(() => {});
  await settle();
  scene.transport.answer("subscribe", meReply(standingOf(50, 1000, member ? { member } : {})));
  await settle();
  return { ...scene, me, stop };
}

/** One entry per member, the first one on rank `first`. */
export function windowEntries(first: number, ...members: string[]): WindowEntry[] {
  return members.map((member, i) => ({
    place: i + 1,
    rank: first + i,
    exact: true,
    error: 0,
    member,
    score: 1000 - first - i,
  }));
}

export function aroundWindow(member: string, entries: WindowEntry[], change = {}): LiveWindow {
  return { board: "f1", season: 1, total: 100, asOf: 1000, kind: "around", member, entries, ...change };
}

export function membersWindow(list: string, entries: WindowEntry[], change = {}): LiveWindow {
  const base = { board: "f1", season: 1, total: 100, asOf: 1000, missing: [] as string[] };
  return { ...base, kind: "members", list, entries, ...change };
}

export const windowReply = (window: LiveWindow): object => ({ info: infoOf(), window });
