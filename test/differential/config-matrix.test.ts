/**
 * The matrix of config/matrix.ts, some 15,000 texts, answered by nginx and by hopway. Usually every 12th of them is tried;
 * HOPWAY_CONFIG_MATRIX=full tries all, in a minute or two.
 */
import { expect, test } from "bun:test";
import { findNginx } from "../harness/gateway.ts";
import { makeTempDir, removeTempDir } from "../harness/temp-dir.ts";
import { CONTEXTS } from "./config/contexts.ts";
import { deliberateReason } from "./config/deliberate.ts";
import { matrix } from "./config/matrix.ts";
import { comparable, Trial } from "./config/outcome.ts";

const STEP = process.env["HOPWAY_CONFIG_MATRIX"] === "full" ? 1 : 12;
const LIMIT_MS = 600_000;

test.skipIf(findNginx() === undefined)(
  "every directive everywhere with anything",
  async () => {
    const folder = makeTempDir();
    const trial = new Trial(folder);
    const differences: string[] = [];
    try {
      for (const [i, { context, text }] of matrix().entries()) {
        if (i % STEP !== 0 || deliberateReason(text) !== undefined) continue;
        trial.write(CONTEXTS[context](text));
        const theirs = trial.nginxSays();
        const ours = comparable(await trial.hopwaySays(), theirs);
        if (ours.join("\n") !== theirs.join("\n")) {
          differences.push(
            `${context}: ${text}\n  nginx:  ${theirs.join("\n          ")}\n  hopway: ${ours.join("\n          ")}`,
          );
        }
      }
    } finally {
      removeTempDir(folder);
    }
    expect(differences.join("\n")).toBe("");
  },
  LIMIT_MS,
);
