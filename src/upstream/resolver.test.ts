import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createSocket, type Socket } from "node:dgram";
import { NameResolver, type Query, ResolveFault } from "./resolver.ts";

const SETTINGS = { servers: [], validMs: undefined, ipv4: true, ipv6: true };
const NOT_FOUND = { addresses: [], ttl: Number.POSITIVE_INFINITY, fault: new ResolveFault(3) };

function counted(answers: Readonly<Record<string, string>>): { query: Query; asked: string[] } {
  const asked: string[] = [];
  const query: Query = async (name, family) => {
    asked.push(`${name}/${family}`);
    const address = answers[`${name}/${family}`];
    return address === undefined ? NOT_FOUND : { addresses: [address], ttl: 60, fault: undefined };
  };
  return { query, asked };
}

test("both kinds of address, IPv4 first; queries for one name are one, and the answer is kept", async () => {
  const { query, asked } = counted({ "x.org/4": "10.0.0.1", "x.org/6": "::1" });
  const resolver = new NameResolver(SETTINGS, query);
  expect(resolver.known("x.org")).toBeUndefined();
  const both = await Promise.all([resolver.resolve("x.org", 1000), resolver.resolve("X.ORG.", 1000)]);
  expect(both).toEqual([
    ["10.0.0.1", "::1"],
    ["10.0.0.1", "::1"],
  ]);
  expect(resolver.known("x.org")).toEqual(["10.0.0.1", "::1"]);
  await resolver.resolve("x.org", 1000);
  expect(asked).toEqual(["x.org/4", "x.org/6"]);
});

test("ipv6=off asks for IPv4 only, valid=0 keeps nothing, and failures are not kept", async () => {
  const { query, asked } = counted({ "x.org/4": "10.0.0.1" });
  const resolver = new NameResolver({ ...SETTINGS, ipv6: false, validMs: 0 }, query);
  await resolver.resolve("x.org", 1000);
  await resolver.resolve("x.org", 1000);
  await resolver.resolve("y.org", 1000);
  await resolver.resolve("y.org", 1000);
  expect(asked).toEqual(["x.org/4", "x.org/4", "y.org/4", "y.org/4"]);
});

test("IP literals are not asked for", async () => {
  const { query, asked } = counted({});
  const resolver = new NameResolver(SETTINGS, query);
  expect(await resolver.resolve("10.1.2.3", 1000)).toEqual(["10.1.2.3"]);
  expect(resolver.known("::1")).toEqual(["::1"]);
  expect(asked).toEqual([]);
});

test("faults in nginx's words", async () => {
  const resolver = new NameResolver(SETTINGS, counted({}).query);
  const fault = await resolver.resolve("foo", 1000);
  expect(fault instanceof ResolveFault && fault.message("foo")).toBe("foo could not be resolved (3: Host not found)");
  expect(new ResolveFault(110).message("foo")).toBe("foo could not be resolved (110: Operation timed out)");
});

test("a query that gets no answer ends at the timeout", async () => {
  const resolver = new NameResolver(SETTINGS, () => new Promise(() => {}));
  expect(await resolver.resolve("foo", 5)).toEqual(new ResolveFault(110));
});

describe("over the wire", () => {
  let server: Socket;
  let port = 0;

  beforeAll(async () => {
    server = createSocket("udp4");
    server.on("message", (query, from) => void server.send(answer(query), from.port, from.address));
    await new Promise<void>((done) => server.bind(0, "127.0.0.1", () => done()));
    port = server.address().port;
  });
  afterAll(() => server.close());

  /** Names that start with `nx` do not exist, those with `bad` fail, the others have one A record. */
  function answer(query: Buffer): Buffer {
    const questionEnd = query.indexOf(0, 12) + 5;
    const reply = Buffer.from(query.subarray(0, questionEnd));
    const name = query.toString("latin1", 13, questionEnd);
    const isA = query[questionEnd - 3] === 1;
    reply[2] = 0x81;
    reply[3] = name.startsWith("nx") ? 0x83 : name.startsWith("bad") ? 0x82 : 0x80;
    reply.fill(0, 6, 12);
    if ((reply[3] & 15) !== 0 || !isA) return reply;
    reply[7] = 1;
    return Buffer.concat([reply, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 7, 0, 4, 127, 0, 0, 9])]);
  }

  const cases: readonly (readonly [name: string, expected: string])[] = [
    ["ok.test", "127.0.0.9"],
    ["single", "127.0.0.9"],
    ["nx.test", "nx.test could not be resolved (3: Host not found)"],
    ["bad.test", "bad.test could not be resolved (2: Server failure)"],
    ["", " could not be resolved (3: Host not found)"],
    [`${"x".repeat(64)}.test`, `${"x".repeat(64)}.test could not be resolved (3: Host not found)`],
  ];
  for (const [name, expected] of cases) {
    test(JSON.stringify(name), async () => {
      const resolver = new NameResolver({ ...SETTINGS, servers: [`127.0.0.1:${port}`] });
      const result = await resolver.resolve(name, 4000);
      expect(result instanceof ResolveFault ? result.message(name) : result.join(" ")).toBe(expected);
    });
  }
});
