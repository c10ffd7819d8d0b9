/** Where a request comes from, as it is counted: behind trusted proxies, and IPv6 by the network that one customer gets. */
import ipaddr from "ipaddr.js";

/**
 * The address that counts: the peer's, or behind `hops` trusted proxies the entry of X-Forwarded-For that the outermost of them wrote.
 * What stands left of it was sent by the client, and is not believed.
 * @param forwarded the header's text, entries by comma
 */
export function clientAddress(peer: string | undefined, forwarded: string | undefined, hops: number): string {
  const own = peer ?? "unknown";
  if (hops === 0 || forwarded === undefined) return countedAddress(own);
  const entries = forwarded.split(",").map((entry) => entry.trim());
  const entry = withoutPort(entries.at(-Math.min(hops, entries.length)) ?? own);
  return countedAddress(ipaddr.isValid(entry) ? entry : own);
}

/** Some proxies write `1.2.3.4:5678` or `[2001:db8::1]:5678`. */
function withoutPort(entry: string): string {
  return /^\[(.+)\](:\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry;
}

/** IPv4 as it is, also when mapped into IPv6; IPv6 by its /64, of which one host may use any address. */
export function countedAddress(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  // `process` turns a mapped address into IPv4.
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  const network = (parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${network.join(":")}::/64`;
}
