import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../client-sdk/protocol/codes.ts";
import { DOCUMENTS, generatedPart, withGeneratedPart } from "../../docs/generate.ts";
import { ERRORS } from "../../server/base/errors.ts";
import { expectNoProblems, type Problem, problemAt, readSource, type Source } from "./sources.ts";

/** Lines that only one of the two tables has, and rows in another order. */
function tableProblems(document: Source, expected: string): Problem[] {
  const actual = generatedPart(document.text);
  if (actual === expected) return [];
  const [has, wants] = [actual.split("\n"), expected.split("\n")];
  const start = document.text.indexOf(actual);
  const at = (line: string): number => (line === "" ? start : document.text.indexOf(line, start));
  const fix = `Run npm run docs, which writes this table:\n${expected}`;
  return [
    ...has
      .filter((line) => !wants.includes(line))
      .map((line) => problemAt(document, at(line), `says what the code does not: ${line}`)),
    ...wants
      .filter((line) => !has.includes(line))
      .map((line) => problemAt(document, start, `does not say what the code does: ${line}`)),
    problemAt(document, start, `differs from the code. ${fix}`),
  ];
}

/** The first cell of each row, without its code marks. */
function codesIn(table: string): string[] {
  return [...table.matchAll(/^\| `(\w+)` +\|/gm)].map(([, code = ""]) => code);
}

describe("error codes", () => {
  it("are the same in the protocol, in the server's table and in docs/errors.md", () => {
    const documented = codesIn(generatedPart(readSource("docs/errors.md").text));
    expect(Object.keys(ERRORS).sort()).toEqual([...ERROR_CODES].sort());
    expect(documented.sort()).toEqual([...ERROR_CODES].sort());
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
  });

  it("have a status that fits, a sentence that says what is wrong and one that says what to do", () => {
    for (const [code, { status, retryable, message, remediation }] of Object.entries(ERRORS)) {
      expect(status, `${code}: status`).toSatisfy((one: number) => one >= 400 && one < 600);
      expect(message, `${code}: message is a sentence`).toMatch(/^[A-Z`].+\.$/);
      expect(remediation, `${code}: remediation is a sentence`).toMatch(/^[A-Z`].+\.$/);
      expect(retryable && [400, 401, 403, 404].includes(status), `${code}: ${status} is not retryable`).toBe(
        false,
      );
    }
  });

  it.each(DOCUMENTS)("$file says what the code says", ({ file, table }) => {
    expectNoProblems(tableProblems(readSource(file), table()));
  });
});

describe("the table checker", () => {
  const [{ file, table }] = DOCUMENTS as [(typeof DOCUMENTS)[0]];
  const text = withGeneratedPart("# Title\n\n<!-- generated -->\n<!-- /generated -->\n", table());
  const messages = (changed: string): string =>
    tableProblems({ file, text: changed }, table())
      .map(({ line, message }) => `${line}: ${message}`)
      .join("\n");
  const rowOf = (code: string): string => new RegExp(`^\\| \`${code}\`.*\n`, "m").exec(text)![0];

  it("accepts the generated table and finds its codes", () => {
    expect(messages(text)).toBe("");
    expect(codesIn(text)).toEqual([...ERROR_CODES]);
  });

  it("finds a row that is missing", () => {
    expect(messages(text.replace(rowOf("limited"), ""))).toContain(
      "does not say what the code does: | `limited`",
    );
  });

  it("finds a row that the code does not have", () => {
    const extra = rowOf("limited").replace("`limited`", "`retired`");
    expect(messages(text.replace(rowOf("limited"), rowOf("limited") + extra))).toContain(
      "says what the code does not: | `retired`",
    );
  });

  it.each([
    ["a status", " 404 ", " 400 "],
    ["retryable", " no ", " yes "],
    ["a message", "There is no such board.", "No board."],
    ["a remediation", "Create it with", "Make it with"],
  ])("finds %s that differs, and names its line", (_, from, to) => {
    const row = rowOf("board_not_found");
    const line = text.slice(0, text.indexOf(row)).split("\n").length;
    expect(messages(text.replace(row, row.replace(from, to)))).toContain(
      `${line}: says what the code does not`,
    );
  });

  it("finds rows in another order", () => {
    const [first, second] = [rowOf("bad_request"), rowOf("bad_json")];
    expect(messages(text.replace(first + second, second + first))).toContain("differs from the code");
  });

  it("refuses a document without markers", () => {
    expect(() => generatedPart("# Title\n")).toThrow("<!-- generated -->");
  });
});
