/**
 * The Lua scripts of `lua/`: found, their includes resolved, their headers read, registered on connections.
 *
 * The header is the contract (`lua/README.md`): the number of KEYS comes from it, a file without one is refused.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChainableCommander, Redis } from "ioredis";
import { isCluster, type RedisStore } from "./store.ts";

/** `<room>/<operation>`, the file's path below `lua/` without its ending. */
export type ScriptName = `${string}/${string}`;

type Runner = (...args: (string | number | Buffer)[]) => unknown;
type Registered = Record<string, Runner | undefined>;

const ROOT = fileURLToPath(new URL("../../lua/", import.meta.url));

export type Script = { name: ScriptName; numberOfKeys: number; lua: string };

/** Every script below `root`. @throws when a header or an include is missing. */
export function loadScripts(root = ROOT): Script[] {
  const scripts: Script[] = [];
  for (const room of readdirSync(root, { withFileTypes: true })) {
    if (!room.isDirectory() || room.name === "include") continue;
    for (const file of readdirSync(join(root, room.name))) {
      if (!file.endsWith(".lua")) continue;
      const name: ScriptName = `${room.name}/${file.slice(0, -".lua".length)}`;
      const lua = readFileSync(join(root, room.name, file), "utf8");
      scripts.push({
        name,
        numberOfKeys: keysInHeader(name, lua),
        lua: withFlags(name, withIncludes(root, lua)),
      });
    }
  }
  return scripts;
}

function keysInHeader(name: string, lua: string): number {
  const numbers = [...lua.matchAll(/^-- KEYS\[(\d+)\] /gm)].map((match) => Number(match[1]));
  if (numbers.length === 0 || !/^-- Reply /m.test(lua)) {
    throw new Error(`lua/${name}.lua has no header: it needs "-- KEYS[n] name type" and "-- Reply …" lines`);
  }
  return Math.max(...numbers);
}

/** Each `-- @include "x.lua"` line is replaced by that file of `lua/include`. Includes do not nest. */
function withIncludes(root: string, lua: string): string {
  return lua.replace(/^-- @include "([\w-]+\.lua)"$/gm, (_, file: string) => {
    return readFileSync(join(root, "include", file), "utf8");
  });
}

const FLAGS = /^-- Flags (.+)$/m;

/**
 * The flags that a header asks for, as Redis wants them: in a first line, here instead of the comment that stands there, so that
 * the lines of an error are those of the file.
 */
function withFlags(name: string, lua: string): string {
  const flags = FLAGS.exec(lua)?.[1];
  if (flags === undefined) return lua;
  if (flags !== "allow-oom") throw new Error(`lua/${name}.lua asks for flags that nobody knows: ${flags}`);
  return lua.replace(/^--.*/, `#!lua flags=${flags}`);
}

let library: Script[] | undefined;

/** Make every script callable on a connection and its pipelines; on a cluster also on each node's, now and later. */
export function registerScripts(redis: RedisStore): void {
  library ??= loadScripts();
  if (isCluster(redis)) {
    for (const node of redis.nodes("all")) registerScripts(node);
    redis.on("+node", (node: Redis) => registerScripts(node));
  }
  for (const { name, numberOfKeys, lua } of library) {
    redis.defineCommand(commandName(name), { numberOfKeys, lua });
  }
}

function commandName(name: ScriptName): string {
  return `rw_${name.replace(/\W/g, "_")}`;
}

/**
 * Run a script (EVALSHA, and EVAL where Redis has forgotten it).
 * @returns its raw reply; `reply.ts` turns it into a typed one
 */
export function runScript(
  redis: RedisStore,
  name: ScriptName,
  keys: string[],
  args: (string | number | Buffer)[],
): Promise<unknown> {
  return runner(redis, name)(...keys, ...args) as Promise<unknown>;
}

/** Add a script call to a pipeline. */
export function queueScript(
  pipeline: ChainableCommander,
  name: ScriptName,
  keys: string[],
  args: (string | number | Buffer)[],
): void {
  runner(pipeline, name)(...keys, ...args);
}

function runner(target: RedisStore | ChainableCommander, name: ScriptName): Runner {
  const run = (target as unknown as Registered)[commandName(name)];
  if (!run) throw new Error(`script ${name} is not registered on this connection`);
  return run.bind(target);
}
