/** What stands before a member's name: the avatar where the board asks for avatars, else a figure made from the name. */
import type { Profile, ProfileField } from "../../client-sdk/index.ts";
import { make } from "./dom.ts";
import { pixelFigureOf } from "./pixel-figure.ts";

/** Of the picture that is asked for; the style says how large it is shown. */
const AVATAR_PIXELS = 64;

/** The name to show; text, whatever is in it. */
export function shownName(member: string, profile: Profile | undefined): string {
  return profile?.displayName ?? member;
}

/** Of the same size whatever it is and whether or not the picture has come. */
export function markOf(
  member: string,
  profile: Profile | undefined,
  fields: readonly ProfileField[],
): Element {
  if (!fields.includes("avatarUrl")) return pixelFigureOf(member);
  const mark = make("span", "avatar", initialsOf(shownName(member, profile)));
  mark.setAttribute("aria-hidden", "true");
  const { avatarUrl } = profile ?? {};
  if (avatarUrl === undefined || !isHttps(avatarUrl)) return mark;
  const image = make("img", "");
  image.alt = "";
  image.loading = "lazy";
  image.decoding = "async";
  // Whose page this is, and who looks at it, is no matter of the picture's server.
  image.referrerPolicy = "no-referrer";
  image.width = AVATAR_PIXELS;
  image.height = AVATAR_PIXELS;
  // The initials are below it.
  image.addEventListener("error", () => image.remove());
  image.src = avatarUrl;
  mark.append(image);
  return mark;
}

/** The flag of an ISO 3166-1 code: two letters that fonts draw as one; empty without a code. */
export function flagOf(country: string | undefined): string {
  if (country === undefined || !/^[A-Z]{2}$/.test(country)) return "";
  const letters = Array.from(country, (letter) => 0x1f1e6 + letter.charCodeAt(0) - "A".charCodeAt(0));
  return String.fromCodePoint(...letters);
}

/** Up to two letters. */
export function initialsOf(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const chosen = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
  return chosen.map((word) => [...word][0]!.toLocaleUpperCase()).join("");
}

function isHttps(url: string): boolean {
  return URL.canParse(url) && new URL(url).protocol === "https:";
}
