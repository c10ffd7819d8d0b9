/** A port that nobody listens on. */
import { createServer } from "node:net";

const PORTS_TRIED = 100;

/** `first`, or the next one after it that is free; 0 stays 0, which the system replaces by a free one. */
export async function freePortFrom(first: number, host: string): Promise<number> {
  const last = Math.min(65_535, first + PORTS_TRIED - 1);
  for (let port = first; port <= last; port++) {
    if (await isFree(port, host)) return port;
  }
  throw new Error(`All ports from ${first} to ${last} are taken. Choose another with PORT.`);
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
