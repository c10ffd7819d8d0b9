/** What processes tell each other of profiles: who has which version now, and the profile with it. At most once: nothing depends on it. */
import { z } from "zod";
import type { Profile } from "../../client-sdk/protocol/messages.ts";
import type { Channels } from "../redis/channels.ts";
import { profileChannel } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";
import type { Written } from "./profile-store.ts";

export type NoticesOptions = {
  channels: Channels;
  /** The store, whatever Redis the cache is in. */
  commands: RedisStore;
  onWritten: (written: Written) => void;
  /** Notices may have been missed until now. */
  onMissed: () => void;
  onError: (error: unknown) => void;
};

/** Characters of one message, if more than one profile is in it. */
const MESSAGE_MAX = 64 * 1024;

const notice = z.array(z.tuple([z.string(), z.int().min(1), z.looseObject({}).nullable()]));

export class ProfileNotices {
  readonly #options: NoticesOptions;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  start(): void {
    const { channels, onMissed } = this.#options;
    channels.onReconnected(onMissed);
    void channels.subscribe(profileChannel, (message) => this.#take(message)).then(onMissed);
  }

  stop(): void {
    this.#options.channels.unsubscribe(profileChannel);
  }

  /** Never rejects. */
  async publish(written: readonly Written[]): Promise<void> {
    const messages: string[] = [];
    let open: string[] = [];
    let characters = 0;
    for (const { member, version, profile } of written) {
      const text = JSON.stringify([member, version, profile ?? null]);
      if (open.length > 0 && characters + text.length > MESSAGE_MAX) {
        messages.push(`[${open.join(",")}]`);
        open = [];
        characters = 0;
      }
      open.push(text);
      characters += text.length;
    }
    messages.push(`[${open.join(",")}]`);
    const { commands, onError } = this.#options;
    await Promise.all(messages.map((message) => commands.spublish(profileChannel, message).catch(onError)));
  }

  #take(message: Buffer): void {
    const { onWritten, onError } = this.#options;
    try {
      for (const [member, version, profile] of notice.parse(JSON.parse(message.toString()))) {
        onWritten({ member, version, profile: (profile as Profile | null) ?? undefined });
      }
    } catch (error) {
      onError(error);
    }
  }
}
