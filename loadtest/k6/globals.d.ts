/** What k6 has without an import and its types do not name. */
declare const console: { log(line: string): void; error(line: string): void };
