import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MeStore } from "../../client-sdk/index.ts";
import { settle } from "./manual-environment.ts";
import { connectedScene, type Scene } from "./samples.ts";
import { meReply, standingOf } from "./standings.ts";

type Deed =
  | "move"
  | "season"
  | "answer"
  | "refuse"
  | "end"
  | "settle"
  | "wait"
  | "drop"
  | "accept"
  | "leave"
  | "come";

/** A server with one standing that moves: it answers when it is told to, and pushes while it is subscribed to. */
class MovingServer {
  readonly #scene: Scene;
  #subscribed = false;
  #season = 1;
  #moves = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  get standing() {
    // A later word may be of an earlier moment.
    const asOf = 1000 + ((this.#moves * 37) % 50);
    return standingOf(1000 - this.#moves, asOf, { season: this.#season });
  }

  move(): void {
    this.#moves++;
    if (this.#subscribed) this.#scene.transport.emit("rank", this.standing);
  }

  nextSeason(): void {
    this.#season++;
    this.move();
  }

  answer(refusing: boolean): void {
    const { transport } = this.#scene;
    const [oldest] = transport.open;
    if (!oldest) return;
    if (oldest.event === "unsubscribe") {
      this.#subscribed = false;
      transport.answer("unsubscribe", {});
    } else if (refusing) transport.answerError("subscribe", { code: "unavailable", retryable: true });
    else {
      this.#subscribed = true;
      transport.answer("subscribe", meReply(this.standing, this.#season));
    }
  }

  end(): void {
    if (!this.#subscribed) return;
    this.#subscribed = false;
    const error = { code: "unavailable", message: "later", remediation: "wait", retryable: true } as const;
    this.#scene.transport.emit("ended", { board: "f1", kind: "me", error });
  }

  drop(): void {
    this.#subscribed = false;
    this.#scene.transport.drop();
  }
}

async function play(deeds: Deed[], scene: Scene, server: MovingServer, me: MeStore): Promise<void> {
  const { transport, environment, client } = scene;
  let stop: (() => void) | undefined = me.subscribe(() => {});
  const acts: Record<Deed, () => unknown> = {
    move: () => server.move(),
    season: () => server.nextSeason(),
    answer: () => server.answer(false),
    refuse: () => server.answer(true),
    end: () => server.end(),
    settle,
    wait: () => environment.advance(700),
    drop: () => server.drop(),
    accept: () => {
      if (client.state.getSnapshot().status === "connecting") transport.accept();
    },
    leave: () => {
      stop?.();
      stop = undefined;
    },
    come: () => {
      stop ??= me.subscribe(() => {});
    },
  };
  for (const deed of deeds) await acts[deed]();
  acts.come();
}

describe("a live standing", () => {
  it("ends with the server's last word, however answers, pushes, seasons and losses cross", async () => {
    const deed = fc.constantFrom<Deed>(
      ...(["move", "move", "move", "answer", "answer", "settle", "wait"] as const),
      ...(["season", "refuse", "end", "drop", "accept", "leave", "come"] as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 60 }), async (deeds) => {
        const scene = await connectedScene();
        const server = new MovingServer(scene);
        const me = scene.client.board("f1").me();
        await play(deeds, scene, server, me);
        for (let i = 0; i < 12; i++) {
          await scene.environment.advance(60_000);
          if (scene.client.state.getSnapshot().status === "connecting") scene.transport.accept();
          server.answer(false);
        }
        await settle();
        expect(me.getSnapshot()).toMatchObject({ status: "live", standing: server.standing });
        server.move();
        expect(me.getSnapshot()).toMatchObject({ status: "live", standing: server.standing });
        scene.client.close();
        expect(scene.environment.timers).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
