/** The Dockerfile as its instructions, read the way the builder reads them: comments out, continued lines joined. */
import { readSource } from "../style/sources.ts";

export type Instruction = { line: number; word: string; rest: string };

export type Copy = { line: number; from: string | undefined; sources: string[]; target: string };

export type Dockerfile = {
  stages: { line: number; name: string; base: string }[];
  copies: Copy[];
  env: Record<string, string>;
  exposed: string | undefined;
  user: string | undefined;
  command: string[];
  healthcheck: string[];
};

export function readDockerfile(text = readSource("Dockerfile").text): Dockerfile {
  const instructions = instructionsOf(text);
  const last = (word: string): string | undefined => instructions.findLast((one) => one.word === word)?.rest;
  const env = instructions.filter(({ word }) => word === "ENV").flatMap(({ rest }) => rest.split(/\s+/));
  return {
    stages: instructions.filter(({ word }) => word === "FROM").map(stageOf),
    copies: instructions.filter(({ word }) => word === "COPY").map(copyOf),
    env: Object.fromEntries(env.map((pair) => pair.split("=") as [string, string])),
    exposed: last("EXPOSE"),
    user: last("USER"),
    command: execForm(last("CMD") ?? "[]"),
    healthcheck: execForm(/CMD (.+)$/.exec(last("HEALTHCHECK") ?? "")?.[1] ?? "[]"),
  };
}

/** @throws when it is the shell form, in which a shell and not the program gets the signals */
function execForm(text: string): string[] {
  return JSON.parse(text) as string[];
}

function instructionsOf(text: string): Instruction[] {
  const instructions: Instruction[] = [];
  let open: Instruction | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    if (!open) {
      open = { line: index + 1, word: (/^\w+/.exec(content)?.[0] ?? "").toUpperCase(), rest: "" };
      instructions.push(open);
    }
    open.rest += ` ${content.replace(/\\$/, "")}`;
    if (!content.endsWith("\\")) {
      open.rest = open.rest
        .trim()
        .replace(/^\w+\s+/, "")
        .replace(/\s+/g, " ");
      open = undefined;
    }
  }
  return instructions;
}

function stageOf({ line, rest }: Instruction): { line: number; name: string; base: string } {
  const [, base = "", name = ""] = /^(\S+)(?: AS (\S+))?$/i.exec(rest) ?? [];
  return { line, name, base };
}

function copyOf({ line, rest }: Instruction): Copy {
  const words = rest.split(" ");
  const flags = words.filter((word) => word.startsWith("--"));
  const paths = words.filter((word) => !word.startsWith("--"));
  const from = flags.find((flag) => flag.startsWith("--from="))?.slice("--from=".length);
  return { line, from, sources: paths.slice(0, -1), target: paths.at(-1) ?? "" };
}
