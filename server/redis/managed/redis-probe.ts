/**
 * Asks whether a Redis answers, and which process it is. A bare socket and not ioredis: the question must never retry,
 * and "refused", "silent" and "loading" must stay apart.
 */
import { connect, type NetConnectOpts } from "node:net";

/** `absent`: nobody listens. `silent`: somebody does, but gives no answer. `error`: Redis refuses to say. */
export type Probe =
  | { state: "absent" }
  | { state: "silent" }
  | { state: "error"; message: string }
  | { state: "loading"; pid: number; secondsLeft: number }
  | { state: "ready"; pid: number };

/** Never rejects. @param password where this Redis has one */
export function probeRedis(address: NetConnectOpts, timeoutMs: number, password?: string): Promise<Probe> {
  return new Promise((resolve) => {
    let connected = false;
    let reply = "";
    const socket = connect(address);
    const settle = (probe: Probe): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(probe);
    };
    const timer = setTimeout(() => settle({ state: connected ? "silent" : "absent" }), timeoutMs);
    socket.setEncoding("latin1");
    socket.once("connect", () => {
      connected = true;
      socket.write(`${password === undefined ? "" : `AUTH ${password}\r\n`}INFO server persistence\r\n`);
    });
    socket.on("data", (chunk: string) => {
      reply += chunk;
      const probe = readReply(reply);
      if (probe) settle(probe);
    });
    socket.once("error", () => settle({ state: connected ? "silent" : "absent" }));
    socket.once("close", () => settle({ state: connected ? "silent" : "absent" }));
  });
}

/** Undefined while the reply is not complete. */
function readReply(received: string): Probe | undefined {
  // The answer to AUTH, where there was one.
  const reply = received.replace(/^\+OK\r\n/, "");
  if (reply.startsWith("-")) {
    return reply.includes("\r\n") ? { state: "error", message: reply.slice(1).trim() } : undefined;
  }
  const header = /^\$(\d+)\r\n/.exec(reply);
  if (!header || reply.length < header[0].length + Number(header[1])) return undefined;
  const field = (name: string): number => Number(new RegExp(`^${name}:(-?\\d+)`, "m").exec(reply)?.[1]);
  const pid = field("process_id");
  if (field("loading") !== 1) return { state: "ready", pid };
  return { state: "loading", pid, secondsLeft: field("loading_eta_seconds") };
}
