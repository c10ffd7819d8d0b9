/** One reader of a view by server-sent events [P-15]. */
import type { ServerResponse } from "node:http";
import type { Frame, Position, ProfilesMessage, Snapshot } from "../../client-sdk/protocol/messages.ts";
import type { View, ViewListener } from "../feed/view.ts";
import type { ProfilesListener, ViewProfiles } from "./view-profiles.ts";

const KEEP_ALIVE_MS = 15_000;

/** One reader. No queue of its own: while its socket is full it lags, and gets one merged frame or a snapshot when it drains. */
export class SseReader implements ViewListener, ProfilesListener {
  readonly #response: ServerResponse;
  #view: View;
  #profiles: ViewProfiles;
  readonly #lagMsMax: number;
  #position: Position | undefined;
  #lagTimer: NodeJS.Timeout | undefined;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(
    response: ServerResponse,
    { view, profiles }: { view: View; profiles: ViewProfiles },
    lagMsMax: number,
  ) {
    this.#response = response;
    this.#view = view;
    this.#profiles = profiles;
    this.#lagMsMax = lagMsMax;
  }

  /** Bring the reader to the present, then follow; one turn, so that nothing falls between. */
  start(position: Position | undefined): void {
    this.#position = position;
    this.#catchUp();
    this.#view.listeners.add(this);
    this.#profiles.listeners.add(this);
    this.#keepAlive = setInterval(() => this.#response.write(":\n\n"), KEEP_ALIVE_MS);
    this.#response.on("drain", () => this.#drained());
  }

  /** Follow another season's view from now on: what comes first is a snapshot of it. */
  moveTo({ view, profiles }: { view: View; profiles: ViewProfiles }): void {
    for (const listeners of [this.#view.listeners, this.#profiles.listeners] as Set<unknown>[])
      listeners.delete(this);
    this.#view = view;
    this.#profiles = profiles;
    this.#position = undefined;
    if (!this.#lagTimer) this.#catchUp();
    view.listeners.add(this);
    profiles.listeners.add(this);
  }

  stop(): void {
    this.#view.listeners.delete(this);
    this.#profiles.listeners.delete(this);
    clearInterval(this.#keepAlive);
    clearTimeout(this.#lagTimer);
  }

  end(): void {
    this.stop();
    // One that lags would keep the end waiting for ever.
    if (this.#lagTimer) this.#response.destroy();
    else this.#response.end();
  }

  onFrame(frame: Frame): void {
    if (!this.#lagTimer) this.#send("frame", frame);
  }

  onSnapshot(snapshot: Snapshot): void {
    if (this.#lagTimer) return;
    this.#send("snapshot", snapshot);
    for (const part of this.#profiles.whole()) this.#write("profiles", this.#profiles.message(part));
  }

  onProfiles(message: ProfilesMessage): void {
    if (!this.#lagTimer) this.#write("profiles", message);
  }

  #drained(): void {
    if (!this.#lagTimer) return;
    clearTimeout(this.#lagTimer);
    this.#lagTimer = undefined;
    this.#catchUp(this.#position?.offset);
  }

  /** What of profiles was missed is told with it: while the reader lagged, since its last frame; before it came, all. */
  #catchUp(since?: number): void {
    const missed = this.#position && this.#view.since(this.#position);
    if (missed) for (const frame of missed) this.#send("frame", frame);
    else this.#send("snapshot", this.#view.snapshot());
    const profiles = missed ? this.#profiles.since(since) : this.#profiles.whole();
    for (const part of profiles) this.#write("profiles", this.#profiles.message(part));
  }

  #send(event: string, data: Frame | Snapshot): void {
    this.#position = { epoch: data.epoch, offset: data.offset };
    this.#write(event, data, `id: ${data.epoch}:${data.offset}\n`);
  }

  #write(event: string, data: object, id = ""): void {
    const text = `event: ${event}\n${id}data: ${JSON.stringify(data)}\n\n`;
    if (this.#response.write(text)) return;
    this.#lagTimer ??= setTimeout(() => this.#response.destroy(), this.#lagMsMax);
  }
}
