import { describe, expect, it } from "vitest";
import { cycleProblems } from "./cycles.ts";
import { floorProblems } from "./floors.ts";
import { CODE, expectNoProblems, type Problem, problemAt, readSources, type Source } from "./sources.ts";
import { namesOf, nodesOf, parse } from "./syntax.ts";

const sources = readSources(/^(server|client-sdk|web|demo|loadtest|docs)\//).filter(({ file }) =>
  CODE.test(file),
);
const isConfig = (file: string): boolean => /(^|\/)vite(st)?\.config\.ts$/.test(file);

/** Settings are parsed once, in config.ts; nothing else reads the environment. */
function environmentProblems(source: Source): Problem[] {
  if (source.file === "server/config.ts") return [];
  return [...nodesOf(parse(source))].flatMap(({ node }) => {
    const read = node.type === "MemberExpression" && namesOf(node).join(".") === "process.env";
    const imported =
      node.type === "ImportDeclaration" &&
      /^import\b[^;]*\benv\b[^;]*"(node:)?process"/.test(source.text.slice(node.start, node.end));
    if (!read && !imported) return [];
    return [
      problemAt(
        source,
        node.start,
        "reads process.env. Add a setting to server/config.ts and pass it in from compose.ts",
      ),
    ];
  });
}

describe("floors", () => {
  it("lets every folder import only what its floor may import", () => {
    expectNoProblems(sources.filter(({ file }) => !isConfig(file)).flatMap(floorProblems));
  });

  it("has no import cycle", () => {
    expectNoProblems(cycleProblems(sources));
  });

  it("reads the environment in server/config.ts only", () => {
    expectNoProblems(
      sources.filter(({ file }) => !/^(demo|loadtest)\//.test(file)).flatMap(environmentProblems),
    );
  });
});

describe("the floor checkers", () => {
  const messageOf = (file: string, text: string): string | undefined =>
    floorProblems({ file, text })[0]?.message;

  it.each([
    ["server/feed/a.ts", `import { x } from "../locks/lease.ts";`, "server/feed may import only"],
    ["server/feed/a.ts", `export * from "../locks/lease.ts";`, "server/feed may import only"],
    ["server/feed/a.ts", `const x = await import("../locks/lease.ts");`, "server/feed may import only"],
    ["server/base/a.ts", `import "../redis/keys.ts";`, "server/base may import only"],
    ["server/ingest/a.ts", `import { x } from "../feed/feed.ts";`, "server/ingest may import only"],
    ["server/ingest/a.ts", `import { x } from "../merger/merge-tops.ts";`, "server/ingest may import only"],
    ["server/gateway/a.ts", `import { x } from "../config.ts";`, "server/gateway may import only"],
    ["server/gateway/a.ts", `import { x } from "../merger/merger.ts";`, "server/gateway may import only"],
    ["server/base/a.ts", `import { type X, y } from "../config.ts";`, "server/base may import only"],
    ["server/feed/a.ts", `import { z } from "../unknown/z.ts";`, "server/feed may import only"],
    ["server/merger/a.ts", `import { Redis } from "ioredis";`, "imports ioredis"],
    ["server/base/a.ts", `import { Redis } from "ioredis";`, "imports ioredis"],
    ["server/compose.ts", `import fastify from "fastify";`, "imports fastify"],
    ["server/feed/a.ts", `import type { Socket } from "socket.io";`, "imports socket.io"],
    ["server/feed/a.ts", `import { z } from "zod";`, "imports zod"],
    ["client-sdk/client.ts", `import { io } from "socket.io-client";`, "client-sdk/transport.ts only"],
    ["client-sdk/client.ts", `import type { A } from "../server/base/errors.ts";`, "not shipped to clients"],
    ["client-sdk/client.ts", `let a: import("../server/base/errors.ts").A;`, "not shipped to clients"],
    ["web/app.ts", `import { A } from "../server/base/errors.ts";`, "not shipped to clients"],
    ["client-sdk/protocol/a.ts", `import type { B } from "../client.ts";`, "nothing but itself"],
    ["client-sdk/protocol/a.ts", `import { join } from "node:path";`, "nothing but itself"],
    ["server/helpful/a.ts", "", "has no floor"],
    ["server/extra.ts", "", "has no floor"],
  ])("refuse in %s: %s", (file, text, message) => {
    expect(messageOf(file, text)).toContain(message);
  });

  it.each([
    ["server/feed/a.ts", `import type { Lease } from "../locks/lease.ts"; import { Redis } from "ioredis";`],
    [
      "server/feed/a.ts",
      `import { type Lease } from "../locks/lease.ts"; import { k } from "../redis/keys.ts";`,
    ],
    ["server/merger/a.ts", `import type { Redis } from "ioredis"; import { f } from "../feed/feed.ts";`],
    ["server/gateway/a.ts", `import { Server } from "socket.io"; import { z } from "zod";`],
    ["server/compose.ts", `import { Redis } from "ioredis"; import { g } from "./gateway/http.ts";`],
    [
      "client-sdk/transport.ts",
      `import { io } from "socket.io-client"; import { c } from "./protocol/codes.ts";`,
    ],
    [
      "web/src/app.ts",
      `import { connect } from "rankwire-client"; import c from "rankwire-client/protocol/codes.ts";`,
    ],
    ["loadtest/bench/raw.ts", `import { Redis } from "ioredis"; import { io } from "socket.io-client";`],
    [
      "server/feed/a.ts",
      `// import { x } from "../locks/lease.ts"\nconst s = 'import { x } from "../locks/lease.ts"';`,
    ],
  ])("accept in %s: %s", (file, text) => {
    expect(floorProblems({ file, text })).toEqual([]);
  });

  it("name the line of a bad import", () => {
    const text = `// one\n// two\nimport { x } from "../locks/lease.ts";\n`;
    expect(floorProblems({ file: "server/feed/a.ts", text })[0]).toMatchObject({
      file: "server/feed/a.ts",
      line: 3,
    });
  });

  it("find a cycle through three files and none through a type", () => {
    const files = (back: string): Source[] => [
      { file: "server/feed/a.ts", text: `import { b } from "./b.ts";` },
      { file: "server/feed/b.ts", text: `import { c } from "./c.ts";` },
      { file: "server/feed/c.ts", text: `\n${back}` },
    ];
    expect(cycleProblems(files(`import { a } from "./a.ts";`))).toMatchObject([
      {
        file: "server/feed/c.ts",
        line: 2,
        message: expect.stringContaining("a.ts → server/feed/b.ts → server/feed/c.ts"),
      },
    ]);
    expect(cycleProblems(files(`import type { A } from "./a.ts";`))).toEqual([]);
  });

  it("find the environment however it is read", () => {
    const lines = (text: string): number[] =>
      environmentProblems({ file: "server/base/a.ts", text }).map(({ line }) => line);
    expect(lines(`\nconst port = process.env.PORT;`)).toEqual([2]);
    expect(lines(`const { PORT } = process.env;`)).toEqual([1]);
    expect(lines(`import { env } from "node:process";`)).toEqual([1]);
    expect(lines(`// process.env.PORT\nconst text = "process.env.PORT"; process.exit(1);`)).toEqual([]);
  });
});
