/**
 * The pub/sub of one process: sharded channels, one listener each, over one connection, or one to each master of a cluster.
 *
 * A connection can be healthy for TCP and yet hear nothing (it hangs on a node that no longer serves the channel), so a probe is
 * published on the ordinary path for each and must come back; when it does not, the connection is rebuilt. Channels follow their slot
 * to another master after a migration or a failover; once a lost channel is confirmed again, whoever listens is told to look at what
 * it may have missed.
 */
import { newId } from "../base/ids.ts";
import { Loop } from "../base/loop.ts";
import { ChannelLine } from "./channel-line.ts";
import { type LineFactory, lineAddresses, lineOf, probeOn, refreshLines } from "./channel-places.ts";
import { isCluster, type RedisStore } from "./store.ts";

export type ChannelsOptions = {
  /** A fresh pub/sub connection, to one node of a cluster if there is one. */
  create: LineFactory;
  /** What the probes are published on, and who knows the slots: an ordinary connection for commands. */
  commands: RedisStore;
  probeEveryMs: number;
  /** A probe did not come back; its connection is rebuilt. */
  onProbeLost: () => void;
  onError: (error: unknown) => void;
};

/** Takes one message as it came; it must not throw. */
export type ChannelListener = (message: Buffer) => void;

type Subscription = {
  listener: ChannelListener;
  line: ChannelLine | undefined;
  confirmed: boolean;
  /** It was confirmed before, so its next confirmation ends a time in which messages were missed. */
  missed: boolean;
  waiting: (() => void)[];
};

const TEND_EVERY_MS = 100;
const TEND_PAUSE_MAX_MS = 2_000;
const WAKE_AFTER_MS = 10;

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #lines = new Map<string, ChannelLine>();
  readonly #reconnected = new Set<() => void>();
  readonly #id = newId();
  readonly #probes: Loop;
  readonly #tending: Loop;
  readonly #onRefresh = (): void => this.#reroute();
  #alive = true;
  #stopped = false;
  #wakeTimer: NodeJS.Timeout | undefined;
  /** How often in a row tending left something unconfirmed, and when the next try is due. */
  #tries = 0;
  #tendAt = 0;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    const { probeEveryMs, onError } = options;
    this.#probes = new Loop({ everyMs: probeEveryMs, step: () => this.#check(), onError });
    this.#tending = new Loop({ everyMs: TEND_EVERY_MS, step: () => this.#tend(), onError });
  }

  /** Whether messages reach this process; part of readiness. */
  get alive(): boolean {
    return this.#alive;
  }

  start(): void {
    const { commands } = this.#options;
    if (isCluster(commands)) commands.on("refresh", this.#onRefresh);
    this.#reroute();
    this.#probes.start();
    this.#tending.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const { commands } = this.#options;
    if (isCluster(commands)) commands.off("refresh", this.#onRefresh);
    clearTimeout(this.#wakeTimer);
    await Promise.all([this.#probes.stop(), this.#tending.stop()]);
    for (const line of this.#lines.values()) line.stop();
  }

  /**
   * A channel has one listener. Never rejects.
   * Resolves when Redis has confirmed it, and nothing published from then on is missed silently; or when it is unsubscribed.
   */
  subscribe(channel: string, listener: ChannelListener): Promise<void> {
    this.#end(channel);
    const subscription: Subscription = {
      listener,
      line: undefined,
      confirmed: false,
      missed: false,
      waiting: [],
    };
    this.#subscriptions.set(channel, subscription);
    const confirmed = new Promise<void>((resolve) => subscription.waiting.push(resolve));
    this.#place(channel, subscription);
    return confirmed;
  }

  unsubscribe(channel: string): void {
    this.#end(channel);
  }

  /** `listener` is called after each time that messages may have been missed, once they arrive again. */
  onReconnected(listener: () => void): void {
    this.#reconnected.add(listener);
  }

  #end(channel: string): void {
    const subscription = this.#subscriptions.get(channel);
    if (!subscription) return;
    this.#subscriptions.delete(channel);
    subscription.line?.remove(channel);
    for (const resolve of subscription.waiting) resolve();
  }

  /** Have a line to every master, and every channel on the line of its slot's master. */
  #reroute(): void {
    if (this.#stopped) return;
    const { commands } = this.#options;
    const addresses = lineAddresses(commands);
    for (const address of addresses) {
      const line = this.#lines.get(address);
      const probe = probeOn(commands, address, this.#id, line?.probe);
      if (!line) this.#lines.set(address, this.#newLine(address, probe));
      else if (line.probe !== probe) line.probe = probe;
    }
    for (const [channel, subscription] of this.#subscriptions) this.#place(channel, subscription);
    for (const [address, line] of this.#lines) {
      if (addresses.has(address)) continue;
      this.#lines.delete(address);
      line.stop();
    }
  }

  #place(channel: string, subscription: Subscription): void {
    const address = lineOf(this.#options.commands, channel);
    const line = address === undefined ? undefined : this.#lines.get(address);
    if (!line || line === subscription.line) return;
    subscription.line?.remove(channel);
    subscription.line = line;
    subscription.confirmed = false;
    line.add(channel);
  }

  #newLine(address: string, probe: string): ChannelLine {
    const line: ChannelLine = new ChannelLine(probe, {
      create: () => this.#options.create(address),
      onMessage: (channel, message) => this.#subscriptions.get(channel)?.listener(message),
      onConfirmed: (channel) => this.#confirm(line, channel),
      onLost: () => this.#lose(line),
      onError: this.#options.onError,
    });
    return line;
  }

  #confirm(line: ChannelLine, channel: string): void {
    const subscription = this.#subscriptions.get(channel);
    if (!subscription || subscription.line !== line || subscription.confirmed) return;
    subscription.confirmed = true;
    for (const resolve of subscription.waiting.splice(0)) resolve();
    if (subscription.missed) this.#wakeTimer ??= setTimeout(() => this.#wake(), WAKE_AFTER_MS);
    subscription.missed = true;
  }

  #lose(line: ChannelLine): void {
    if (this.#stopped) return;
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.line === line) subscription.confirmed = false;
    }
    if (this.#tries === 0) this.#tending.nudge();
  }

  #wake(): void {
    this.#wakeTimer = undefined;
    for (const listener of this.#reconnected) listener();
  }

  /** While a channel is not confirmed: learn who serves what, and ask again. A connection that is away asks by itself when it is back. */
  async #tend(): Promise<void> {
    const open = [...this.#subscriptions].filter(([, { confirmed }]) => !confirmed);
    if (open.length === 0) this.#tries = 0;
    if (open.length === 0 || performance.now() < this.#tendAt) return;
    await refreshLines(this.#options.commands);
    this.#reroute();
    for (const [channel, subscription] of open) {
      if (!subscription.confirmed && this.#subscriptions.has(channel)) subscription.line?.add(channel);
    }
    this.#tendAt = performance.now() + Math.min(TEND_PAUSE_MAX_MS, TEND_EVERY_MS * 2 ** this.#tries++);
  }

  /** See whether the last probes have come back, and send the next ones. */
  async #check(): Promise<void> {
    const results = [...this.#lines.values()].map((line) => this.#checkLine(line));
    this.#alive = (await Promise.all(results)).every((alive) => alive);
  }

  async #checkLine(line: ChannelLine): Promise<boolean> {
    const publish = (channel: string, text: string) => this.#options.commands.spublish(channel, text);
    // Where nothing can be published nothing can be missed, and a new connection would not help.
    const alive = await line.check(publish).catch((error: unknown) => {
      this.#options.onError(error);
      return undefined;
    });
    if (alive === false && [...this.#lines.values()].includes(line)) {
      this.#options.onProbeLost();
      line.reopen();
    }
    return alive === true;
  }
}
