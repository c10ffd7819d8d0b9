/** Ports that nobody listens on. */
import { createServer, type Server } from "node:net";

/** `count` different ones. Somebody may take one before it is used: then ask again. */
export async function freePorts(count: number, host = "127.0.0.1"): Promise<number[]> {
  const servers: Server[] = [];
  try {
    // All are held until the last one is found, or the same might be given twice.
    for (let i = 0; i < count; i++) servers.push(await listen(host));
    return servers.map(portOf);
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function listen(host: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("A listening server has no port.");
  return address.port;
}
