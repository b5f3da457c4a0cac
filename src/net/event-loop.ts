/**
 * The worker's event loop: epoll(7), edge-triggered, through libc. Bun's own sockets copy every chunk into a new buffer
 * and reached 0.6 of nginx's rate for 4 KiB echoes and proxied GETs; recv and send from one buffer reach 1.0.
 *
 * Bun's loop is not replaced but nested: its epoll descriptor is one of ours, so that a wait ends when Bun has something
 * to do (signals, IPC, files, look-ups), and every turn returns to it (`setImmediate`).
 */

import { drainMicrotasks } from "bun:jsc";
import { readdirSync, readlinkSync } from "node:fs";
import {
  closeDescriptor,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_DATA_WORD,
  EPOLL_EVENT_WORDS,
  EPOLL_TICKET_WORD,
  epollControl,
  epollCreate,
  epollWait,
} from "./libc.ts";

/** epoll's event bits. */
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLEXCLUSIVE = 1 << 28;
export const EPOLLET = 1 << 31;

/** Who owns a descriptor. */
export interface Watched {
  onEvents(events: number): void;
}

/** Work put off to the next turn, after the handlers that are running now. */
export interface Deferred {
  onTurn(): void;
}

/** The timers: asked before each wait, told after it. */
export interface Ticker {
  /** Infinity when none is armed. */
  msUntilTick(): number;
  advance(): void;
}

/** Is told how long handlers had the loop to themselves: what happened meanwhile had to wait. */
export interface BusyObserver {
  onBusy(ms: number): void;
}

/** Takes the exceptions of handlers: they are bugs, and cost only the connection they happened on. */
export interface Faults {
  onFault(error: unknown): void;
}

/** Events taken from the kernel at once (nginx: epoll_events 512). */
const MAX_EVENTS = 512;
/**
 * A turn goes on for so long, and waits so long for more, before Bun's loop gets its round without asking. Longer than a
 * tick of the kernel's clock, 4 ms: a shorter wait sets the processor's timer each time, which took a fifth of all time
 * where messages came one by one.
 */
const BUSY_MS = 10;
/**
 * Who worked for so much of the last window does not sleep in the next one but looks for more now and then: waking it
 * costs whoever sends up to 10 us on a virtual machine. 64 KiB echoes gained 5 % of rate and 10 % of p99. Work is time of
 * the processor: who shares a core with those it waits for has less, and must leave it to them.
 */
const MOSTLY_BUSY = 2 / 3;
const WINDOW_MS = 20;
/** Less often than it could: who took every 1 KiB of a stream as it came lost a fifth of its rate. */
const LOOK_EVERY_MS = 0.05;
/** Who found nothing so often sleeps. */
const MOST_LOOKS = 20;
/** Whatever the clock says. */
const MOST_CLOCK_READS = 1000;
/** Bun's own timers, which libraries use, are not seen by our wait: they may be late by this much. */
const LONGEST_WAIT_MS = 100;
let longestWaitMs = LONGEST_WAIT_MS;

const events = new Int32Array(MAX_EVENTS * EPOLL_EVENT_WORDS);
const owners: (Watched | undefined)[] = [];
/** By descriptor: the number of its `watch`. An event that names an older one is about a socket that is gone. */
const tickets: number[] = [];
let lastTicket = 0;
let epoll = -1;
let bunEpoll = -1;
let watching = 0;
let running = false;
let deferred: Deferred[] = [];
let spareDeferred: Deferred[] = [];
let ticker: Ticker = { msUntilTick: () => Number.POSITIVE_INFINITY, advance: () => {} };
let clockMs = 0;
let wallClockMs = 0;
let windowBeganMs = 0;
let usedBeforeWindowMs = 0;
let lookedInWindowMs = 0;
let mostlyBusy = false;
let busyObserver: BusyObserver | undefined;
let faults: Faults = { onFault: () => {} };

/** Names who is told of exceptions in handlers; the worker sets its error log. */
export function setFaults(handler: Faults): void {
  faults = handler;
}

/** Names who is told; undefined: nobody. */
export function observeBusy(observer: BusyObserver | undefined): void {
  busyObserver = observer;
}

/** For tests that show that nothing depends on the longest wait; undefined: as usual. */
export function setLongestWait(ms: number | undefined): void {
  longestWaitMs = ms ?? LONGEST_WAIT_MS;
}

/** To be called with what a handler threw. */
export function reportFault(error: unknown): void {
  faults.onFault(error);
}

/** Monotonic milliseconds since the process began. In a running loop the time of the last wait's end, as nginx's. */
export function nowMs(): number {
  return running ? clockMs : performance.now();
}

/** Milliseconds since 1970 at the same moment. */
export function wallMs(): number {
  return running ? wallClockMs : Date.now();
}

function readClocks(): void {
  clockMs = performance.now();
  wallClockMs = Date.now();
}

/** Names the timers that the loop drives. */
export function setTicker(timers: Ticker): void {
  ticker = timers;
}

/** Reports what happens on a descriptor until `unwatch`. False when the system refuses it. */
export function watch(fd: number, interest: number, owner: Watched): boolean {
  open();
  const ticket = (lastTicket + 1) | 0;
  if (epollControl(epoll, EPOLL_CTL_ADD, fd, interest, ticket) < 0) return false;
  lastTicket = ticket;
  tickets[fd] = ticket;
  owners[fd] = owner;
  watching++;
  keepTurning();
  return true;
}

/** Forgets a descriptor. To be called before it is closed. */
export function unwatch(fd: number): void {
  if (owners[fd] === undefined) return;
  epollControl(epoll, EPOLL_CTL_DEL, fd, 0, 0);
  forget(fd);
}

/** Closes a descriptor that may be watched: the kernel takes it off the set by itself. */
export function closeWatched(fd: number): void {
  if (owners[fd] !== undefined) forget(fd);
  closeDescriptor(fd);
}

/** Calls `task` in the next turn. */
export function defer(task: Deferred): void {
  deferred.push(task);
  keepTurning();
}

function forget(fd: number): void {
  owners[fd] = undefined;
  watching--;
}

/** Starts the loop where it rests. It goes on, and keeps the process alive, while anything is watched or armed. */
export function keepTurning(): void {
  if (running) return;
  open();
  running = true;
  readClocks();
  setImmediate(turn);
}

function open(): void {
  if (epoll >= 0) return;
  bunEpoll = findBunEpoll();
  epoll = epollCreate();
  if (epoll < 0) throw new Error("epoll_create1() failed");
  if (bunEpoll >= 0) epollControl(epoll, EPOLL_CTL_ADD, bunEpoll, EPOLLIN, 0);
}

/** Bun's main loop is the first epoll descriptor that the process opened; a test holds that waits end for it. */
function findBunEpoll(): number {
  let lowest = -1;
  for (const name of readdirSync("/proc/self/fd")) {
    const fd = Number(name);
    if ((lowest < 0 || fd < lowest) && linkOf(name) === "anon_inode:[eventpoll]") lowest = fd;
  }
  return lowest;
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The descriptor of the listing itself is gone by now.
    return "";
  }
}

/** One turn: waits, handles what came in a few batches, and lets Bun's loop go round. */
function turn(): void {
  if (nothingToDo()) {
    running = false;
    return;
  }
  try {
    handleBatches();
  } finally {
    setImmediate(turn);
  }
}

function nothingToDo(): boolean {
  return watching === 0 && deferred.length === 0 && ticker.msUntilTick() === Number.POSITIVE_INFINITY;
}

/** To be called after work, as opposed to a wait: reads the clocks. */
function endWork(): void {
  const before = clockMs;
  readClocks();
  busyObserver?.onBusy(clockMs - before);
  if (clockMs - windowBeganMs >= WINDOW_MS) endWindow();
}

function endWindow(): void {
  const { user, system } = process.cpuUsage();
  const usedMs = (user + system) / 1000;
  const workedMs = usedMs - usedBeforeWindowMs - lookedInWindowMs;
  mostlyBusy = workedMs > (clockMs - windowBeganMs) * MOSTLY_BUSY;
  windowBeganMs = clockMs;
  usedBeforeWindowMs = usedMs;
  lookedInWindowMs = 0;
}

function handleBatches(): void {
  endWork();
  runDeferred();
  if (nothingToDo()) return;
  let busy = handleBatch(longestWaitMs);
  const untilMs = clockMs + BUSY_MS;
  while (busy && clockMs < untilMs) {
    drainMicrotasks();
    runDeferred();
    endWork();
    busy = handleBatch(BUSY_MS);
  }
}

/** Waits, and handles what came in. False when that was nothing, or when Bun's loop has something to do. */
function handleBatch(longestMs: number): boolean {
  const count = waitForEvents(waitMs(longestMs));
  const bunWaits = dispatch(count);
  // Events first, as nginx: who was not given the processor for a while must not tell that nothing came in that time.
  ticker.advance();
  return count > 0 && !bunWaits;
}

/** How many came in; reads the clocks. */
function waitForEvents(ms: number): number {
  const found = ms > 0 && mostlyBusy ? lookForEvents() : 0;
  if (found > 0) return found;
  const count = epollWait(epoll, events, MAX_EVENTS, ms);
  readClocks();
  return count;
}

function lookForEvents(): number {
  const begunMs = clockMs;
  let count = epollWait(epoll, events, MAX_EVENTS, 0);
  for (let looks = 1; count === 0 && looks < MOST_LOOKS; looks++) {
    stayAwake(LOOK_EVERY_MS);
    count = epollWait(epoll, events, MAX_EVENTS, 0);
  }
  readClocks();
  lookedInWindowMs += clockMs - begunMs;
  return count;
}

function stayAwake(ms: number): void {
  const untilMs = performance.now() + ms;
  for (let reads = 0; performance.now() < untilMs && reads < MOST_CLOCK_READS; reads++);
}

function waitMs(longestMs: number): number {
  if (deferred.length > 0) return 0;
  const untilTimer = ticker.msUntilTick();
  return untilTimer < longestMs ? Math.ceil(untilTimer) : longestMs;
}

/** True when Bun's loop has something to do. */
function dispatch(count: number): boolean {
  let bunWaits = false;
  for (let i = 0, at = 0; i < count; i++, at += EPOLL_EVENT_WORDS) {
    const fd = events[at + EPOLL_DATA_WORD]!;
    const owner = owners[fd];
    if (owner === undefined) {
      // Closed by a handler of this batch, or Bun's.
      if (fd === bunEpoll) bunWaits = true;
    } else if (tickets[fd] === events[at + EPOLL_TICKET_WORD]) notify(owner, events[at]!);
    // Else closed by a handler of this batch, which then opened another socket under the same number.
  }
  return bunWaits;
}

/** An exception may cost its owner, but not the others of the batch: what an edge told is told only once. */
function notify(owner: Watched, events: number): void {
  try {
    owner.onEvents(events);
  } catch (error) {
    reportFault(error);
  }
}

function runTask(task: Deferred): void {
  try {
    task.onTurn();
  } catch (error) {
    reportFault(error);
  }
}

function runDeferred(): void {
  if (deferred.length === 0) return;
  const tasks = deferred;
  deferred = spareDeferred;
  for (let i = 0; i < tasks.length; i++) runTask(tasks[i]!);
  tasks.length = 0;
  spareDeferred = tasks;
}
