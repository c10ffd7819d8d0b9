import { type ClientOptions, createClient, type RankwireClient } from "../../client-sdk/index.ts";
import type { BoardInfo, Frame, Row, Snapshot, ViewSize } from "../../client-sdk/protocol/messages.ts";
import { FakeTransport } from "./fake-transport.ts";
import { ManualEnvironment, settle } from "./manual-environment.ts";

export function infoOf(change: Partial<BoardInfo> = {}, season = 1): BoardInfo {
  return {
    board: "f1",
    order: "desc",
    operator: "incr",
    columns: [{ name: "points", type: "decimal", order: "desc", min: 0, max: 1000, decimals: 0 }],
    layout: "packed",
    ties: "shared",
    writers: "player",
    visibility: "public",
    shards: 1,
    topSize: 1000,
    profileFields: [],
    season: { number: season, state: "open", openedAt: "2026-01-01T00:00:00Z" },
    seasonRules: { schedule: "manual" },
    ...change,
  };
}

/** A row of a board where high scores are good. */
export const row = (member: string, score: number): Row => [member, -score, score];

export function snapshotOf(offset: number, rows: Row[], change: Partial<Snapshot> = {}): Snapshot {
  return { board: "f1", season: 1, view: 10, epoch: "e1", offset, rows, total: rows.length, ...change };
}

/** The frame from `offset - 1` to `offset`, unless told otherwise. */
export function frameOf(offset: number, set: Row[], change: Partial<Frame> = {}): Frame {
  const base = { board: "f1", season: 1, view: 10 as ViewSize, epoch: "e1", total: 9, drop: [] };
  return { ...base, after: offset - 1, offset, set, ...change };
}

export type Scene = { client: RankwireClient; transport: FakeTransport; environment: ManualEnvironment };

/** A client on a fake transport, not connected yet. */
export function sceneOf(options: Partial<ClientOptions> = {}): Scene {
  const transport = new FakeTransport();
  const environment = new ManualEnvironment();
  const client = createClient({ url: "http://test", transport, environment, ...options });
  return { client, transport, environment };
}

export async function connectedScene(options: Partial<ClientOptions> = {}): Promise<Scene> {
  const scene = sceneOf(options);
  const connected = scene.client.connect();
  await settle();
  scene.transport.accept();
  await connected;
  return scene;
}

/** Lose the connection and get it back. */
export async function reconnect({ transport, environment }: Scene): Promise<void> {
  transport.drop();
  await environment.advance(60_000);
  transport.accept();
  await settle();
}
