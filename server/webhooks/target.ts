/**
 * Where a delivery may go. What is looked at is the address that the connection is made to, in the look-up of that connection itself: a
 * name that says one thing when it is checked and another when it is used gets nowhere.
 */
import { lookup as dnsLookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

/** All addresses of a name, as the system knows them. */
export type Resolve = (host: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => void;

export class TargetRefused extends Error {}

/** @throws TypeError when the name has no address; as an error of the connection */
export const resolveByDns: Resolve = (host, done) => dnsLookup(host, { all: true }, done);

/** All that is given out of IPv6: outside of it are IPv4 in disguise, and what nobody has. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/** Not loopback, private, link-local, shared, documented, IPv4 within IPv6 or otherwise special. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // `process` turns IPv4 that is mapped into IPv6 back.
  const parsed = ipaddr.process(address);
  if (parsed.range() !== "unicast") return false;
  return parsed.kind() === "ipv4" || parsed.match(GLOBAL_IPV6);
}

/** @param host of a URL, IPv6 in brackets. @throws TargetRefused when it is an address that may not be connected to */
export function refuseSpecialHost(host: string): void {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  if (ipaddr.isValid(address) && !isPublicAddress(address)) throw refused(host);
}

/** For node:http: gives only public addresses, and TargetRefused where a name has no others. */
export function publicLookup(resolve: Resolve): LookupFunction {
  return (host, options, done) => {
    resolve(host, (error, all) => {
      if (error) return done(error, []);
      const addresses = all.filter(({ address }) => isPublicAddress(address));
      const [first] = addresses;
      if (!first) return done(refused(host), []);
      if (options.all) return done(null, addresses);
      done(null, first.address, first.family);
    });
  };
}

function refused(host: string): TargetRefused {
  return new TargetRefused(`${host} is not a public address, and WEBHOOK_PRIVATE_TARGETS is not true`);
}
