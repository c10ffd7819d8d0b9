/** Which server the commands of `rankwire` talk to, and as whom. A server itself does not read these. */
import { z } from "zod";
import { setting } from "./setting.ts";

export const commandSettings = {
  RANKWIRE_URL: setting(
    z
      .string()
      .regex(/^https?:\/\/[^/]/, "must begin with http:// or https://")
      .default("http://127.0.0.1:8080"),
    "The server that commands such as `rankwire board` call; the server does not read it.",
  ),
  RANKWIRE_KEY: setting(
    z.string().min(1).optional(),
    "API key of those commands, or `--key-file`; the server does not read it.",
  ),
};
