/** Anonymous sign-in by device, and the link to a named player, on both databases. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Opened = { token: string; member: string; error: { code: string } };

/** PGlite takes its time on a busy machine. */
const DATABASE_OPENS_MS = 120_000;

const newDevice = (): string => randomBytes(16).toString("base64url");

describeOnBoth("a device", (store) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(sharedRedisUrl(), { ...store.settings(), DEVICE_SIGN_IN: "on" });
    await server.running.database.ready();
  }, DATABASE_OPENS_MS);
  afterAll(() => server.stop());

  const signIn = (device: string) => server.call<Opened>("POST", "/v1/sessions", { body: { device } });
  const link = (device: string, key: string) =>
    server.call<{ member: string; was: string | null; error: { code: string } }>("POST", "/v1/devices/link", {
      key,
      body: { device },
    });
  const isOver = async (token: string): Promise<boolean> =>
    (await server.call("GET", "/v1/boards", { key: token })).status === 401;

  test("is the same anonymous member at each sign-in, also at many first ones at once", async () => {
    const device = newDevice();
    const answers = await Promise.all(Array.from({ length: 6 }, () => signIn(device)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(201));
    const members = new Set(answers.map(({ body }) => body.member));
    expect([...members]).toEqual([expect.stringMatching(/^anon-[\w-]{16}$/)]);
    expect((await signIn(newDevice())).body.member).not.toBe([...members][0]);
    const { token } = answers[0]!.body;
    const { body } = await server.call<{ sessions: { how: string }[] }>("GET", "/v1/sessions", {
      key: token,
    });
    expect(new Set(body.sessions.map(({ how }) => how))).toEqual(new Set(["device"]));
  });

  test("is taken from the player with all sessions, one or all, and is nobody's then", async () => {
    const player = uniqueBoard("eve");
    const [kept, stolen] = [newDevice(), newDevice()];
    for (const device of [kept, stolen]) await link(device, await server.signIn(player));
    const path = `/v1/members/${player}/devices`;
    type Devices = { devices: { id: string; anonymous: boolean; linkedAt: string }[] };
    const listed = async () => (await server.call<Devices>("GET", path, { key: SERVER_KEY })).body.devices;
    const [newest, oldest] = await listed();
    expect(newest).toMatchObject({ anonymous: false, linkedAt: expect.any(String) });
    const { token } = (await signIn(stolen)).body;
    const remove = async (at: string) => (await server.call("DELETE", at, { key: SERVER_KEY })).body;
    expect(await remove(`${path}/${newest!.id}`)).toMatchObject({ removed: 1 });
    expect(await isOver(token)).toBe(true);
    expect((await listed()).map(({ id }) => id)).toEqual([oldest!.id]);
    expect((await signIn(stolen)).body.member).toMatch(/^anon-/);
    expect((await signIn(kept)).body.member).toBe(player);
    expect(await remove(`/v1/members/${uniqueBoard("else")}/devices/${oldest!.id}`)).toMatchObject({
      removed: 0,
    });
    expect(await remove(path)).toMatchObject({ removed: 1 });
    expect((await signIn(kept)).body.member).toMatch(/^anon-/);
    expect((await server.call("GET", path, { key: token })).status).toBe(401);
  });

  test("is the named player's from the link on, and the anonymous member's sessions end", async () => {
    const device = newDevice();
    const anonymous = (await signIn(device)).body;
    const socket = await new RawClient(server.url, anonymous.token).connected();
    const player = uniqueBoard("ada");
    const token = await server.signIn(player);
    expect((await link(device, token)).body).toEqual({ member: player, was: anonymous.member });
    await eventually(() => expect(socket.byes).toEqual([expect.objectContaining({ code: "session_ended" })]));
    expect([await isOver(anonymous.token), await isOver(token)]).toEqual([true, false]);
    expect((await signIn(device)).body.member).toBe(player);
    expect((await link(device, token)).body).toEqual({ member: player, was: null });
    expect((await signIn(device)).body.member).toBe(player);
    socket.close();
  });

  test("is not taken over by somebody else, and links only to a player with a name", async () => {
    const [device, unknown] = [newDevice(), newDevice()];
    const [ada, eve] = [uniqueBoard("ada"), uniqueBoard("eve")];
    const adas = await server.signIn(ada);
    // A device that never signed in is linked as well.
    expect((await link(device, adas)).body).toEqual({ member: ada, was: null });
    const taken = await link(device, await server.signIn(eve));
    expect([taken.status, taken.body.error.code]).toEqual([409, "device_linked"]);
    expect((await signIn(device)).body.member).toBe(ada);
    const anonymous = (await signIn(unknown)).body;
    for (const own of [unknown, newDevice()]) expect((await link(own, anonymous.token)).status).toBe(400);
    expect((await link(device, SERVER_KEY)).status).toBe(403);
  });

  test("that signs in while it is linked leaves no session of the anonymous member behind", async () => {
    for (let round = 0; round < 5; round++) {
      const device = newDevice();
      const { member } = (await signIn(device)).body;
      const player = uniqueBoard("ada");
      const token = await server.signIn(player);
      const [linked, ...opened] = await Promise.all([
        link(device, token),
        ...Array.from({ length: 4 }, () => signIn(device)),
      ]);
      expect(linked.body.was).toBe(member);
      for (const { body } of opened) expect(await isOver(body.token)).toBe(body.member === member);
      const left = await server.call<{ sessions: [] }>("GET", `/v1/members/${member}/sessions`, {
        key: SERVER_KEY,
      });
      expect(left.body.sessions).toEqual([]);
    }
  });

  test("counts each sign-in against its player's limit", async () => {
    const settings = { ...store.settings(), DEVICE_SIGN_IN: "on", SIGN_INS_PER_PLAYER: "2" };
    const strict = await startServer(sharedRedisUrl(), settings);
    const device = newDevice();
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++)
      statuses.push((await strict.call("POST", "/v1/sessions", { body: { device } })).status);
    expect(statuses).toEqual([201, 201, 429]);
    await strict.stop();
  });

  test("is refused with a secret that anybody could guess, and where it is off", async () => {
    for (const device of ["short", "a".repeat(22), "ababababababababababababab", `${"x".repeat(30)}!`, 7]) {
      expect((await server.call("POST", "/v1/sessions", { body: { device } })).status).toBe(400);
    }
    const off = await startServer(sharedRedisUrl(), store.settings());
    const body = { device: newDevice() };
    expect((await off.call("POST", "/v1/sessions", { body })).status).toBe(403);
    expect((await off.call("POST", "/v1/devices/link", { body })).status).toBe(403);
    await off.stop();
  });
});
