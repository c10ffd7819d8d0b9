/** A TCP proxy whose connections can fall silent without an end, as after the loss of a host or of a NAT entry. */
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

export type SilentProxy = {
  url: string;
  /** Connections accepted so far. */
  accepted(): number;
  /** From now on nothing passes on the connections that are open; new ones work, unless `alsoNew`. */
  silence(options?: { alsoNew: boolean }): void;
  /** New connections work again. */
  speak(): void;
  close(): Promise<void>;
};

export async function startSilentProxy(targetPort: number): Promise<SilentProxy> {
  const open: { from: Socket; to: Socket }[] = [];
  let count = 0;
  let refusing = false;
  const server = createServer((from) => {
    count++;
    from.on("error", () => from.destroy());
    if (refusing) {
      from.resume();
      return;
    }
    const to = createConnection(targetPort, "127.0.0.1");
    to.on("error", () => from.destroy());
    from.on("data", (chunk) => to.write(chunk));
    to.on("data", (chunk) => from.write(chunk));
    from.on("close", () => to.destroy());
    to.on("close", () => from.destroy());
    open.push({ from, to });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted: () => count,
    silence: ({ alsoNew } = { alsoNew: false }) => {
      refusing = alsoNew;
      for (const { from, to } of open.splice(0)) {
        for (const socket of [from, to]) socket.removeAllListeners("data").resume();
      }
    },
    speak: () => {
      refusing = false;
    },
    close: async () => {
      for (const { from, to } of open) for (const socket of [from, to]) socket.destroy();
      server.close();
      await Promise.resolve();
    },
  };
}
