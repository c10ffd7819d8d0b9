/** Signed-in players, and the opening of many sockets without a stampede. */
import http from "k6/http";
import { counted } from "./metrics.ts";
import { serverKey, targetUrl } from "./plan.ts";
import { closeSockets, GameSocket } from "./socket.ts";

export type Player = { member: string; token: string };

const SIGN_INS = 20;
const OPENING = 25;

/** @throws when the server does not open a session */
export function signIn(members: readonly string[]): Player[] {
  const players: Player[] = [];
  const params = { headers: { authorization: `Bearer ${serverKey()}`, "content-type": "application/json" } };
  const url = `${targetUrl()}/v1/sessions`;
  for (let at = 0; at < members.length; at += SIGN_INS) {
    const some = members.slice(at, at + SIGN_INS);
    const requests = some.map((member) => ({
      method: "POST",
      url,
      body: JSON.stringify({ member }),
      params,
    }));
    http.batch(requests).forEach((response, i) => {
      if (response.status !== 200 && response.status !== 201)
        throw new Error(`POST ${url}: ${response.status}`);
      const { token } = response.json() as { token: string };
      players.push({ member: some[i]!, token });
    });
  }
  return players;
}

/** `open` for each, a few at a time. */
export async function inSteps<T>(items: readonly T[], open: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += OPENING)
    await Promise.all(items.slice(at, at + OPENING).map(open));
}

/** A VU's work with its sockets, which are closed however it ends. */
export async function withSockets(work: () => Promise<void>): Promise<void> {
  await counted(work);
  closeSockets();
}

export function connect(player?: Player): Promise<GameSocket> {
  return GameSocket.connect(targetUrl(), player?.token);
}
