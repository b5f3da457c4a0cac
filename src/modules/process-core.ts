/** nginx's core and events directives: how the processes run. */

import { availableParallelism } from "node:os";
import { flag, number, offset, path, text, time } from "../config/arguments.ts";
import {
  type ArgumentType,
  atLeast,
  between,
  ConfigFault,
  type DirectiveSite,
  directiveFault,
  EVENTS,
  exactly,
  MAIN,
  Module,
} from "../config/directive.ts";
import type { LoadedConfig } from "../config/load.ts";
import { parseInteger } from "../config/units.ts";
import { type ErrorLog, mainErrorLog, settleMainErrorLog } from "../net/error-log.ts";
import { addErrorLog } from "../net/error-log-directive.ts";
import { groupByName, userByName } from "../net/libc.ts";
import { listenSockets } from "../net/listen.ts";
import { acceptedProcessRows } from "./process-core-accepted.ts";
import { refuseUnknownPools } from "./thread-pools.ts";
import { affinityMismatch, type WorkerAffinity, workerAffinity } from "./worker-affinity.ts";

/** Whose rights the workers have. */
export interface WorkerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface CoreSettings {
  daemon: boolean | undefined;
  masterProcess: boolean | undefined;
  pidPath: string | undefined;
  user: WorkerUser | undefined;
  /** 0 stands for one per processor. */
  workerProcesses: number | undefined;
  descriptorLimit: number | undefined;
  coreLimitBytes: number | undefined;
  affinity: WorkerAffinity | undefined;
  shutdownTimeoutMs: number | undefined;
  priority: number;
  /** `NAME` or `NAME=value`, as written. */
  readonly environment: string[];
  workingDirectory: string | undefined;
  errorLog: ErrorLog | undefined;
  workerConnections: number | undefined;
  multiAccept: boolean | undefined;
  eventMethodSet: boolean;
}

const DEFAULT_WORKER_CONNECTIONS = 512;
const ONE = exactly(1);

function setUser(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.user !== undefined) return directiveFault(site, "is duplicate");
  if (process.geteuid?.() !== 0) {
    site.load.warn(
      site.statement,
      'the "user" directive makes sense only if the master process runs with super-user privileges, ignored',
    );
    return undefined;
  }
  const [name = "", groupName = name] = site.statement.args;
  const user = userByName(name);
  if (user === undefined) return new ConfigFault(`getpwnam("${name}") failed`);
  const gid = groupByName(groupName);
  if (gid === undefined) return new ConfigFault(`getgrnam("${groupName}") failed`);
  own.user = { name, uid: user.uid, gid };
  return undefined;
}

function setWorkerProcesses(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.workerProcesses !== undefined) return directiveFault(site, "is duplicate");
  const [value = ""] = site.statement.args;
  const count = value === "auto" ? 0 : parseInteger(value);
  if (count === undefined || (count === 0 && value !== "auto")) return directiveFault(site, "invalid value");
  own.workerProcesses = count;
  return undefined;
}

function setPriority(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  if (own.priority !== 0) return directiveFault(site, "is duplicate");
  const [value = ""] = site.statement.args;
  const priority = parseInteger(value.replace(/^[+-]/, ""));
  if (priority === undefined) return directiveFault(site, "invalid number");
  own.priority = value.startsWith("-") ? -priority : priority;
  return undefined;
}

function setErrorLog(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  const log = addErrorLog(own.errorLog, site.statement.args, site);
  if (log instanceof ConfigFault) return log;
  own.errorLog = log;
  mainErrorLog(site.load).log = log;
  return undefined;
}

function checkEventMethod(own: CoreSettings, site: DirectiveSite): ConfigFault | undefined {
  const [method = ""] = site.statement.args;
  if (own.eventMethodSet) return directiveFault(site, "is duplicate");
  own.eventMethodSet = true;
  return method === "epoll" ? undefined : new ConfigFault(`invalid event type "${method}"`);
}

/** As `number`, with the wording of ngx_event_connections. */
const connectionCount: ArgumentType<number> = {
  arity: ONE,
  fallback: DEFAULT_WORKER_CONNECTIONS,
  parse: ([value = ""]) => parseInteger(value) ?? new ConfigFault(`invalid number "${value}"`),
};

export const coreModule = new Module<CoreSettings>({
  name: "core",
  directives: [
    { name: "daemon", in: MAIN, arg: flag(true), set: "daemon", doc: "Whether to go to the background." },
    {
      name: "master_process",
      in: MAIN,
      arg: flag(true),
      set: "masterProcess",
      doc: "Whether workers are processes of their own.",
    },
    {
      name: "pid",
      in: MAIN,
      arg: path(undefined),
      set: "pidPath",
      doc: "File that holds the master's process number.",
    },
    { name: "user", in: MAIN, arity: between(1, 2), apply: setUser, doc: "User and group of the workers." },
    {
      name: "worker_processes",
      in: MAIN,
      arity: ONE,
      apply: setWorkerProcesses,
      doc: "Number of workers; auto: one per processor.",
    },
    {
      name: "worker_rlimit_nofile",
      in: MAIN,
      arg: number(undefined),
      set: "descriptorLimit",
      doc: "Most open descriptors of a worker.",
    },
    {
      name: "worker_shutdown_timeout",
      in: MAIN,
      arg: time(undefined),
      set: "shutdownTimeoutMs",
      doc: "How long a worker that shuts down waits for its connections before it cuts them.",
    },
    {
      name: "worker_rlimit_core",
      in: MAIN,
      arg: offset(undefined),
      set: "coreLimitBytes",
      doc: "Largest core file of a worker.",
    },
    {
      name: "worker_cpu_affinity",
      in: MAIN,
      arg: workerAffinity,
      set: "affinity",
      doc: "Processors that each worker runs on; auto: one of its own each.",
    },
    { name: "worker_priority", in: MAIN, arity: ONE, apply: setPriority, doc: "Scheduling priority of the workers." },
    {
      name: "env",
      in: MAIN,
      arity: ONE,
      apply(own, site) {
        own.environment.push(site.statement.args[0] ?? "");
        return undefined;
      },
      doc: "A variable of the environment that workers keep or get.",
    },
    {
      name: "working_directory",
      in: MAIN,
      arg: text(undefined),
      set: "workingDirectory",
      doc: "Current folder of the workers.",
    },
    {
      name: "error_log",
      in: MAIN,
      arity: atLeast(1),
      apply: setErrorLog,
      doc: "Where errors are logged, and from which level on.",
    },
    {
      name: "events",
      in: MAIN,
      arity: exactly(0),
      opens: EVENTS,
      apply: () => undefined,
      doc: "How connections are processed.",
    },
    {
      name: "worker_connections",
      in: EVENTS,
      arg: connectionCount,
      set: "workerConnections",
      doc: "Most connections of a worker, those to upstreams included.",
    },
    { name: "use", in: EVENTS, arity: ONE, apply: checkEventMethod, doc: "Event method; always epoll here." },
    {
      name: "multi_accept",
      in: EVENTS,
      arg: flag(false),
      set: "multiAccept",
      doc: "Accept all waiting connections at once.",
    },
    ...acceptedProcessRows,
  ],
  merge(own, _outer, scope, load) {
    if (scope.kind === MAIN) {
      const mismatch = own.affinity === undefined ? undefined : affinityMismatch(own.affinity, workerCount(own));
      if (mismatch !== undefined) load.warn(undefined, mismatch);
      settleMainErrorLog(load);
      refuseUnknownPools(load);
    }
    if (scope.kind !== EVENTS) return undefined;
    const connections = own.workerConnections ?? DEFAULT_WORKER_CONNECTIONS;
    const sockets = listenSockets(load).length;
    if (connections > sockets) return undefined;
    return new ConfigFault(`${connections} worker_connections are not enough for ${sockets} listening sockets`);
  },
  create: () => ({
    daemon: undefined,
    masterProcess: undefined,
    pidPath: undefined,
    user: undefined,
    workerProcesses: undefined,
    descriptorLimit: undefined,
    coreLimitBytes: undefined,
    affinity: undefined,
    shutdownTimeoutMs: undefined,
    priority: 0,
    environment: [],
    workingDirectory: undefined,
    errorLog: undefined,
    workerConnections: undefined,
    multiAccept: undefined,
    eventMethodSet: false,
  }),
});

/** How many workers there are. */
export function workerCount({ workerProcesses = 1 }: CoreSettings): number {
  return workerProcesses === 0 ? availableParallelism() : workerProcesses;
}

/** The events block, defaults filled in. */
export interface EventSettings {
  /** Most connections of a worker, its listening sockets and the channel to the master included. */
  readonly workerConnections: number;
  readonly multiAccept: boolean;
}

export function eventSettings(config: LoadedConfig): EventSettings {
  const block = config.root.children.find(({ kind }) => kind === EVENTS);
  const own = block === undefined ? undefined : coreModule.of(block);
  return {
    workerConnections: own?.workerConnections ?? DEFAULT_WORKER_CONNECTIONS,
    multiAccept: own?.multiAccept ?? false,
  };
}
