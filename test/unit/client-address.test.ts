/** From where a request counts: peers, proxies, IPv6 networks. */
import { describe, expect, test } from "vitest";
import { clientAddress, countedAddress } from "../../server/limits/client-address.ts";

describe("the counted address", () => {
  test.each([
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::ffff:cb00:7107", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["unknown", "unknown"],
  ])("of %s is %s", (address, counted) => {
    expect(countedAddress(address)).toBe(counted);
  });
});

describe("the client's address", () => {
  const PEER = "10.0.0.1";

  test.each([
    ["is the peer's without trusted proxies, whatever a header says", "1.1.1.1", 0, PEER],
    ["is what the one proxy wrote", "1.1.1.1", 1, "1.1.1.1"],
    ["is never what the client wrote itself", "6.6.6.6, 1.1.1.1", 1, "1.1.1.1"],
    ["is what the outer of two proxies wrote", "6.6.6.6, 1.1.1.1, 10.0.0.2", 2, "1.1.1.1"],
    ["is the first entry when there are fewer than proxies", "1.1.1.1", 3, "1.1.1.1"],
    ["is the peer's when the entry is none", "1.1.1.1, nonsense", 1, PEER],
    ["is the peer's when the header is empty", "", 1, PEER],
    ["is told without its port", "1.1.1.1:4711", 1, "1.1.1.1"],
    ["is told without its port and brackets", "[2001:db8:1:2::9]:4711", 1, "2001:db8:1:2::/64"],
    ["is the network of an IPv6 client", "2001:db8:1:2::9", 1, "2001:db8:1:2::/64"],
  ])("%s", (_, forwarded, hops, address) => {
    expect(clientAddress(PEER, forwarded, hops)).toBe(address);
  });

  test("is the peer's when the proxy sent no header", () => {
    expect(clientAddress("::ffff:10.0.0.1", undefined, 1)).toBe(PEER);
  });
});
