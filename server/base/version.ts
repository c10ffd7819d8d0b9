/** Which Rankwire this is, and what it runs on at least: as package.json has it. */
import { readFileSync } from "node:fs";

const { version, engines } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { version: string; engines: { node: string } };

export const VERSION = version;
/** Such as `20.19.0`. */
export const OLDEST_NODE = engines.node.replace(/^>=/, "");
