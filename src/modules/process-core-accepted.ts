/** nginx's process and event directives that have no effect here, with nginx's checks of their arguments. */
import { choice, flag, number, text, time } from "../config/arguments.ts";
import {
  type AcceptedRow,
  type ArgumentType,
  acceptedRow,
  between,
  ConfigFault,
  directiveFault,
  EVENTS,
  exactly,
  MAIN,
} from "../config/directive.ts";
import { parseInteger } from "../config/units.ts";
import { readCidr } from "../net/cidr.ts";
import { declarePool } from "./thread-pools.ts";

/** `thread_pool name threads=N [max_queue=N]` (ngx_thread_pool). */
const threadPool: ArgumentType<undefined> = {
  arity: between(2, 3),
  fallback: undefined,
  accumulates: true,
  parse([name = "", ...parameters], site) {
    let threads = 0;
    for (const parameter of parameters) {
      const number = parseInteger(parameter.slice(parameter.indexOf("=") + 1));
      if (parameter.startsWith("threads=")) {
        if (number === undefined || number === 0) return new ConfigFault(`invalid threads value "${parameter}"`);
        threads = number;
      } else if (parameter.startsWith("max_queue=") && number === undefined) {
        return new ConfigFault(`invalid max_queue value "${parameter}"`);
      }
    }
    if (threads === 0) return new ConfigFault('"thread_pool" must have "threads" parameter');
    return declarePool(site.load, name) ? undefined : new ConfigFault(`duplicate thread pool "${name}"`);
  },
};

/** `load_module file`: only before the blocks whose directives the module might have. */
const earlyModule: ArgumentType<undefined> = {
  arity: exactly(1),
  fallback: undefined,
  accumulates: true,
  parse: (_args, site) =>
    site.scope.children.length === 0 ? undefined : directiveFault(site, "is specified too late"),
};

/** `debug_connection unix: | network | host` (ngx_event_debug_connection). */
const debugConnection: ArgumentType<undefined> = {
  arity: exactly(1),
  fallback: undefined,
  accumulates: true,
  parse([value = ""], site) {
    if (value === "unix:" || readCidr(value, site) !== undefined) return undefined;
    const { load, statement } = site;
    load.pending.push(
      load.hosts.lookup(value).then((ips) => {
        if (ips.length === 0) load.fail(statement, `host not found in debug_connection "${value}"`);
      }),
    );
    return undefined;
  },
};

const BUN_LOOP = "the event loop is the worker's own";
const NO_LOCK = "workers take connections without a lock";

const FLAG = flag(undefined);
const NUMBER = number(undefined);
const TIME = time(undefined);

/** Accepted, checked as nginx checks them, named once by `-t`. */
export const acceptedProcessRows: readonly AcceptedRow[] = [
  acceptedRow("lock_file", MAIN, text(undefined), NO_LOCK, "File for locks between workers."),
  acceptedRow("debug_points", MAIN, choice(["stop", "abort"], undefined), "there are none", "For nginx's developers."),
  acceptedRow("timer_resolution", MAIN, TIME, BUN_LOOP, "How often the time is read."),
  acceptedRow("thread_pool", MAIN, threadPool, BUN_LOOP, "Threads for reading files."),
  acceptedRow("pcre_jit", MAIN, FLAG, "expressions are always compiled", "Compilation of regular expressions."),
  acceptedRow("load_module", MAIN, earlyModule, "modules are built in", "A dynamic module of nginx."),
  acceptedRow("accept_mutex", EVENTS, FLAG, NO_LOCK, "Workers accept in turn."),
  acceptedRow("accept_mutex_delay", EVENTS, TIME, NO_LOCK, "Pause of a worker out of turn."),
  acceptedRow("epoll_events", EVENTS, NUMBER, BUN_LOOP, "Events taken from the kernel at once."),
  acceptedRow("worker_aio_requests", EVENTS, NUMBER, BUN_LOOP, "Most operations of asynchronous reading."),
  acceptedRow(
    "debug_connection",
    EVENTS,
    debugConnection,
    "set error_log to debug instead",
    "Clients that are logged at level debug.",
  ),
];
