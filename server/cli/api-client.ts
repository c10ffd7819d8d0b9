/**
 * The HTTP client of the commands: JSON calls, lists over all their pages, streamed bodies down and up. Repeats what may be repeated.
 *
 * A call that changes something is repeated only where the server says that nothing was done, or where the caller says that twice is as
 * good as once: a key that is made twice is one that nobody knows of.
 */
import { backoffMs } from "../base/backoff.ts";
import { sleep } from "../base/clock.ts";
import { failureOf, jsonOf, unreachable } from "./api-answers.ts";
import { ApiFailure } from "./api-failure.ts";
import type { ApiTarget } from "./api-target.ts";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export type Call = {
  query?: Query;
  /** Sent as JSON. */
  body?: unknown;
  /** Sending it twice does no harm, so it is repeated whatever failed. Default: all but POST. */
  repeatable?: boolean;
};

export type Stream = {
  query?: Query;
  headers?: Readonly<Record<string, string>>;
  /** Ends it early. */
  signal?: AbortSignal;
};

export type Upload = Stream & {
  contentType: string;
  /** Read as fast as the server takes it. */
  body: AsyncIterable<string | Uint8Array>;
  /** Default: POST. */
  method?: string;
};

/** ms. One JSON call; streams take as long as they take. */
const CALL_MS = 60_000;
/** ms. What fails is tried again for this long. */
const RETRY_MS = 15_000;
const WAITS = { firstMs: 200, capMs: 2_000 };
const LINES_OF_A_PAGE = 100;

/** Refusals before anything was done. */
const NOTHING_DONE = new Set([
  "limited",
  "overloaded",
  "too_many_connections",
  "store_lost",
  "store_full",
  "log_full",
]);

export class ApiClient {
  readonly #target: ApiTarget;

  constructor(target: ApiTarget) {
    this.#target = target;
  }

  get url(): string {
    return this.#target.url;
  }

  /** Whether it calls as somebody. */
  get hasKey(): boolean {
    return this.#target.key !== undefined;
  }

  /** @param path as in docs/api.md, its parts encoded. @throws ApiFailure */
  async call<Answer>(method: string, path: string, { query, body, repeatable }: Call = {}): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const again = repeatable ?? method !== "POST";
    const endsAt = performance.now() + RETRY_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await this.#send(method, this.#address(path, query), {
          headers: text === undefined ? {} : { "content-type": "application/json" },
          signal: AbortSignal.timeout(CALL_MS),
          ...(text === undefined ? {} : { body: text }),
        });
        return (await jsonOf(response)) as Answer;
      } catch (error) {
        const wait = waitBefore(error, again, attempt);
        if (wait === undefined || performance.now() + wait > endsAt) throw error;
        await sleep(wait);
      }
    }
  }

  /**
   * The lines of a list, over all its pages.
   * @param field of the answer that holds them, such as `boards`
   * @throws ApiFailure
   */
  async *lines<Line>(path: string, field: string, query: Query = {}): AsyncGenerator<Line> {
    let cursor: string | undefined;
    do {
      const page = await this.call<Record<string, unknown>>("GET", path, {
        query: { limit: LINES_OF_A_PAGE, ...query, cursor },
      });
      yield* page[field] as Line[];
      cursor = page.cursor as string | undefined;
    } while (cursor !== undefined);
  }

  /** The answer to a GET, its body not yet read. Not repeated. @throws ApiFailure */
  async download(path: string, { query, headers = {}, signal }: Stream = {}): Promise<Response> {
    return this.#send("GET", this.#address(path, query), { headers, ...(signal ? { signal } : {}) });
  }

  /** Sends a body as it comes; the answer's is not yet read. Not repeated. @throws ApiFailure, and what reading the body throws */
  async upload(path: string, upload: Upload): Promise<Response> {
    const { query, headers = {}, signal, contentType, body, method = "POST" } = upload;
    const broken: unknown[] = [];
    const watched = passOn(body, (error) => broken.push(error));
    try {
      return await this.#send(method, this.#address(path, query), {
        headers: { ...headers, "content-type": contentType },
        // Web streams are made of async iterables, which the types of lib.dom do not know.
        body: watched as unknown as NonNullable<RequestInit["body"]>,
        duplex: "half",
        ...(signal ? { signal } : {}),
      } as RequestInit);
    } catch (error) {
      // Who sends knows better why it broke off.
      throw broken.length > 0 ? broken[0] : error;
    }
  }

  #address(path: string, query: Query = {}): string {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) asked.append(name, String(value));
    }
    const text = asked.toString();
    return `${this.#target.url}${path}${text === "" ? "" : `?${text}`}`;
  }

  async #send(method: string, address: string, init: RequestInit): Promise<Response> {
    const { key } = this.#target;
    const headers = {
      accept: "application/json",
      ...(init.headers as Record<string, string>),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    };
    // A redirect would carry the key to somewhere else.
    const asked = { ...init, method, headers, redirect: "error" as const };
    const response = await fetch(address, asked).catch((error: unknown) => {
      // Whoever ended it knows why.
      if ((error as Error).name === "AbortError") throw error;
      throw unreachable(this.#target.url, error);
    });
    if (response.ok) return response;
    throw await failureOf(response, this.#target);
  }
}

async function* passOn<Chunk>(
  body: AsyncIterable<Chunk>,
  onError: (error: unknown) => void,
): AsyncGenerator<Chunk> {
  try {
    yield* body;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/** ms until the next try; undefined when there must be none. */
function waitBefore(error: unknown, repeatable: boolean, attempt: number): number | undefined {
  if (!(error instanceof ApiFailure) || !error.body.retryable) return undefined;
  if (!repeatable && !NOTHING_DONE.has(error.body.code)) return undefined;
  return error.body.retryAfterMs ?? backoffMs(attempt, WAITS);
}
