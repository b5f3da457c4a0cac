/** What nginx and hopway say to a configuration, made comparable: the warnings up to the first error, and that error. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatDiagnostic } from "../../../src/config/diagnostic.ts";
import { diskSource } from "../../../src/config/disk-source.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { modules } from "../../../src/modules/list.ts";
import { systemHosts } from "../../../src/net/host-lookup.ts";
import { findNginx } from "../../harness/gateway.ts";

/** "ok" after the warnings where there is no error; "syntax is ok" before an error that shows only afterwards. */
export type Outcome = readonly string[];

const OK = "ok";
const SYNTAX_OK = "syntax is ok";
/** Errors of -t that are about the machine, not about the text. */
const ABOUT_THE_MACHINE = /^\[emerg\] (?:open|mkdir|bind|chown)\(\)/;

/** A folder with one configuration after the other. */
export class Trial {
  private readonly prefix: string;
  private readonly nginx: string;

  /** `folder` is made if need be; its logs go to a folder in it. */
  constructor(folder: string) {
    this.prefix = `${folder}/`;
    this.nginx = findNginx() ?? "nginx";
    mkdirSync(join(folder, "logs"), { recursive: true });
  }

  /** Puts down the main file that both are asked about, and others beside it. */
  write(text: string, files: Readonly<Record<string, string>> = {}): void {
    for (const [path, content] of Object.entries({ ...files, "nginx.conf": text })) {
      mkdirSync(dirname(join(this.prefix, path)), { recursive: true });
      writeFileSync(join(this.prefix, path), content, "latin1");
    }
  }

  /** `globals`: what -g says. */
  nginxSays(globals = ""): Outcome {
    const args = ["-t", "-p", this.prefix, "-c", "nginx.conf", "-e", "logs/error.log"];
    if (globals !== "") args.push("-g", globals);
    const { stderr } = spawnSync(this.nginx, args, { encoding: "latin1" });
    const out: string[] = [];
    for (const line of stderr.split("\n")) {
      const text = line.replace(/^nginx: /, "");
      if (text.endsWith(SYNTAX_OK)) out.push(SYNTAX_OK);
      else if (text.startsWith("[warn]")) out.push(text);
      else if (/^\[(?:emerg|alert|crit)\]/.test(text)) {
        if (ABOUT_THE_MACHINE.test(text) && out.includes(SYNTAX_OK)) break;
        // An error that nginx shrugs off is followed by the word that all is well.
        if (stderr.includes(SYNTAX_OK) && !out.includes(SYNTAX_OK)) out.push(text.replace(/^\[\w+\]/, "[warn]"));
        else return [...out, text];
      }
    }
    return [...out.filter((text) => text !== SYNTAX_OK), OK];
  }

  async hopwaySays(globals = ""): Promise<Outcome> {
    const path = `${this.prefix}nginx.conf`;
    const main = { path, prefix: this.prefix, confPrefix: this.prefix, globals };
    const { diagnostics } = await loadConfig(modules, main, diskSource, systemHosts);
    const early = diagnostics.filter(({ late }) => !late);
    const out: string[] = [];
    for (const diagnostic of early) {
      // A value may hold a line end; of nginx's words, too, the first line is looked at.
      out.push(formatDiagnostic(diagnostic).split("\n")[0] ?? "");
      if (diagnostic.level === "emerg") return out;
    }
    const late = diagnostics.find((diagnostic) => diagnostic.late);
    return late === undefined ? [...out, OK] : [...out, SYNTAX_OK, formatDiagnostic(late)];
  }
}

/** Takes away positions that nginx does not name and hopway can. */
export function comparable(hopway: Outcome, nginx: Outcome): Outcome {
  return hopway.map((text, i) => (/ in \S+:\d+$/.test(nginx[i] ?? "") ? text : text.replace(/ in \S+:\d+$/, "")));
}
