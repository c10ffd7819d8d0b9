/** The plainest load balancer: each TCP connection goes to the next server in turn, one that is not there is passed over. Nothing sticks. */
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

export type RoundRobinProxy = {
  url: string;
  /** Connections handed to each target so far. */
  counts: number[];
  close(): Promise<void>;
};

export async function startRoundRobinProxy(targetPorts: number[]): Promise<RoundRobinProxy> {
  const counts = targetPorts.map(() => 0);
  const open = new Set<Socket>();
  let next = 0;
  const join = (from: Socket, tries: number): void => {
    const target = next++ % targetPorts.length;
    const to = createConnection(targetPorts[target]!, "127.0.0.1");
    to.once("connect", () => {
      counts[target]!++;
      from.pipe(to).pipe(from);
      from.on("close", () => to.destroy());
      to.on("close", () => from.destroy());
    });
    to.once("error", () => {
      if (tries < targetPorts.length && !from.destroyed) join(from, tries + 1);
      else from.destroy();
    });
  };
  const server = createServer({ pauseOnConnect: true }, (from) => {
    open.add(from);
    from.on("error", () => from.destroy());
    from.on("close", () => open.delete(from));
    join(from, 1);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
