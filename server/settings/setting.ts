/** What settings are made of: a schema, a default, a unit and a line of documentation. */
import { z } from "zod";

export type Setting<T extends z.ZodType = z.ZodType> = { schema: T; doc: string };

export const setting = <T extends z.ZodType>(schema: T, doc: string): Setting<T> => ({ schema, doc });
export const count = (initial: number, min = 1) => z.coerce.number().int().min(min).default(initial);
export const ms = (initial: number) => count(initial);
export const bytes = (initial: number) => count(initial, 1024);
export const flag = (initial: boolean) =>
  z
    .enum(["true", "false"])
    .default(initial ? "true" : "false")
    .transform((text) => text === "true");
