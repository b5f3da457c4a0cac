/** A hopway that a test starts, configures, signals and looks at. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../harness/ports.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { eventually, get, HOPWAY, run, runs } from "./command.ts";

/** Started by root, workers would be nobody. */
export const asRoot = process.getuid?.() === 0;
/** Among so many in a row are answers of all workers. */
const ANSWERS_OF_ALL = 12;
const cleanups: (() => Promise<void> | void)[] = [];

/** Ends what the test has started: to be called after each, by every file that uses this one. */
export async function endAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A gateway in a folder of its own; ended and removed after the test. */
export class Running {
  readonly folder = makeTempDir();
  readonly port = freePort();
  code: Promise<number> = new Promise(() => {});

  constructor() {
    cleanups.push(async () => {
      for (const name of ["hopway.pid", "hopway.pid.oldbin"]) {
        const pid = Number(this.read(name));
        if (pid === 0 || !(await runs(pid))) continue;
        process.kill(pid, "SIGTERM");
        await eventually("the master ends", async () => !(await runs(pid)));
      }
      removeTempDir(this.folder);
    });
  }

  get pid(): number | undefined {
    const text = this.read("hopway.pid");
    return text === "" ? undefined : Number(text);
  }

  async master(): Promise<number> {
    return eventually("the pid file", () => this.pid);
  }

  configure(answer: string, { main = "daemon off;", http = "", server = "" } = {}): void {
    const user = asRoot ? "user root;" : "";
    // Renamed into place: a reload that is under way must not read half of it.
    const path = join(this.folder, "nginx.conf");
    writeFileSync(
      `${path}.new`,
      `${user} ${main} pid hopway.pid; error_log error.log info;
       events {}
       http {
         access_log access.log;
         client_body_temp_path body; proxy_temp_path proxy; ${http}
         server { listen 127.0.0.1:${this.port}; ${server} location / { return 200 "${answer}"; } }
       }`,
    );
    renameSync(`${path}.new`, path);
  }

  /** Starts; gives its exit code when it has ended. */
  launch(): Promise<number> {
    const child = Bun.spawn({
      cmd: [HOPWAY, "-p", this.folder, "-c", "nginx.conf"],
      stdio: ["ignore", "ignore", Bun.file(join(this.folder, "stderr.txt"))],
    });
    this.code = child.exited;
    return child.exited;
  }

  /** Starts and waits until it answers. */
  async start(): Promise<void> {
    void this.launch();
    await this.answers((body) => body !== undefined);
  }

  async answers(wanted: (body: string | undefined) => boolean): Promise<void> {
    const ended = this.code.then((code) => Promise.reject(new Error(`ended with exit code ${code}`)));
    const answer = eventually("an answer", async () => wanted(await get(this.port)));
    await Promise.race([answer, ended]).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.read("stderr.txt")}${this.log}`);
    });
  }

  /** Waits until all workers answer so: when one has taken a new configuration, others may be about to. */
  async allAnswer(wanted: string, port = this.port): Promise<void> {
    await eventually(`"${wanted}" from all`, async () => {
      for (let i = 0; i < ANSWERS_OF_ALL; i++) if ((await get(port)) !== wanted) return false;
      return true;
    });
  }

  command(...args: string[]) {
    return run(HOPWAY, ["-p", this.folder, "-c", "nginx.conf", ...args], this.folder);
  }

  read(name: string): string {
    try {
      return readFileSync(join(this.folder, name), "latin1");
    } catch {
      return "";
    }
  }

  get log(): string {
    return this.read("error.log");
  }

  logged(text: string | RegExp): Promise<boolean> {
    return eventually(`"${text}" in the log`, () =>
      typeof text === "string" ? this.log.includes(text) : text.test(this.log),
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.log}`);
    });
  }
}

/** One that answers with `answer`. */
export async function started(answer = "one", parts: Parameters<Running["configure"]>[1] = {}): Promise<Running> {
  const gateway = new Running();
  gateway.configure(answer, parts);
  await gateway.start();
  return gateway;
}
