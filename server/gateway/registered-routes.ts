/** All routes without a server: for docs/api.md, and for tests that hold answers against what was said of them. */
import { fastify } from "fastify";
import type { Gateway } from "./gateway.ts";
import { ROUTES } from "./http.ts";
import { listRoutes, type Route } from "./route-list.ts";
import { referenceRoutes } from "./routes/reference.ts";

/** In the order in which they are registered. */
export async function registeredRoutes(): Promise<Route[]> {
  const app = fastify();
  const routes = listRoutes(app);
  const gateway = nobody() as Gateway;
  for (const add of ROUTES) add(app, gateway);
  referenceRoutes(app, routes);
  await app.ready();
  return routes;
}

/** Takes every registration of a listener and has every part: routes that are never called ask for no more. */
function nobody(): unknown {
  const callable = (): unknown => proxy;
  const proxy: unknown = new Proxy(callable, { get: () => proxy, apply: () => proxy });
  return proxy;
}
