/** A proxy between a client and a server that breaks one connection in the middle of what the client sends. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes on, and cuts the first connection that brings so many bytes. */
export async function breakingProxy(port: number, afterBytes: number) {
  let broken = 0;
  const proxy: Server = createServer((inner: Socket) => {
    const outer = connect(port, "127.0.0.1");
    let bytes = 0;
    inner.on("data", (piece) => {
      bytes += piece.length;
      if (broken > 0 || bytes < afterBytes) return;
      broken++;
      inner.resetAndDestroy();
      outer.destroy();
    });
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) socket.on("error", () => undefined);
    inner.once("close", () => outer.destroy());
    outer.once("close", () => inner.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return { url, server: proxy, broken: () => broken };
}
