import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { hasOpenssl, makeCertificate } from "../../test/harness/certificates.ts";
import { makeTempDir, removeTempDir } from "../../test/harness/temp-dir.ts";
import { makeTlsContext, PLAIN_TLS, type TlsContext, TlsContextFault, type TlsContextOptions } from "./tls-context.ts";
import { learnTicketKey } from "./tls-ticket-key.ts";

const folder = makeTempDir();
const { certificate, key } = hasOpenssl ? makeCertificate(folder, "server") : { certificate: "", key: "" };
afterAll(() => removeTempDir(folder));

function context(change: Partial<TlsContextOptions> = {}): TlsContext {
  const made = makeTlsContext({
    ...PLAIN_TLS,
    certificates: [{ chain: readFileSync(certificate, "latin1"), key: readFileSync(key, "latin1") }],
    ...change,
  });
  if (made instanceof TlsContextFault) throw new Error(made.message);
  return made;
}

const learned = (of: TlsContext): Promise<string> => new Promise((resolve) => learnTicketKey(of, resolve));

test.skipIf(!hasOpenssl).each([
  ["TLS 1.3", () => ({})],
  ["TLS 1.2", () => ({ maxVersion: "TLSv1.2" })],
  ["a client's certificate", () => ({ requestCertificate: true, authorities: [readFileSync(certificate, "latin1")] })],
] as const)("each context has a key of its own: %s", async (_, changes) => {
  const change = changes();
  const [first, second] = [context(change), context(change)];
  const name = await learned(first);
  expect(name).toHaveLength(16);
  expect(await learned(first)).toBe(name);
  expect(await learned(second)).not.toBe(name);
});

test.skipIf(!hasOpenssl)("a context without tickets tells nothing, and no descriptor is left", async () => {
  const open = (): number => readdirSync("/proc/self/fd").length;
  const before = open();
  learnTicketKey(context({ sessionTickets: false, maxVersion: "TLSv1.2" }), () => {
    throw new Error("no ticket");
  });
  await learned(context());
  while (open() > before) await Bun.sleep(1);
});
