/**
 * One timing wheel per worker. Hot: re-arming a timer whose deadline moves further away is a field update; the wheel
 * finds out at the old deadline. (nginx keeps a red-black tree and allows itself a lazy delay of 300 ms.)
 */

import { keepTurning, nowMs, reportFault, setTicker, wallMs } from "./event-loop.ts";

export { nowMs, wallMs };

/** What a timer wakes; `tag` tells an owner's timers apart. */
export interface TimerOwner {
  onTimer(tag: number): void;
}

/** How late a timer may fire. */
const TICK_MS = 20;
/** One turn of the wheel is 20 s; a longer timer is looked at once a turn. */
const SLOTS = 1024;

/** A timer is made once per owner and purpose, and armed many times. */
export class Timer {
  readonly owner: TimerOwner;
  readonly tag: number;
  /** Monotonic ms; Infinity while not armed. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** The wheel slot it is linked in, -1 for none, and the time at which that slot is looked at. */
  slot = -1;
  visitMs = 0;
  previous: Timer | undefined = undefined;
  next: Timer | undefined = undefined;

  constructor(owner: TimerOwner, tag: number) {
    this.owner = owner;
    this.tag = tag;
  }

  get armed(): boolean {
    return this.deadlineMs !== Number.POSITIVE_INFINITY;
  }

  /** (Re)arms the timer to fire `delayMs` from now. */
  arm(delayMs: number): void {
    const deadline = nowMs() + delayMs;
    this.deadlineMs = deadline;
    if (this.slot >= 0 && this.visitMs <= deadline) return;
    link(this);
  }

  /** Forgets the deadline; the wheel drops the timer when it comes by. */
  disarm(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Takes the timer off the wheel at once, so that its owner can be collected. */
  release(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.slot >= 0) unlink(this);
  }
}

const heads: (Timer | undefined)[] = new Array<Timer | undefined>(SLOTS).fill(undefined);
let linked = 0;
/** Number of the last tick that was handled. */
let tick = 0;
/** No slot has to be looked at before this time. */
let soonestMs = Number.POSITIVE_INFINITY;
/** `tick` counts the slots of a sweep that is under way. */
let sweeping = false;

setTicker({
  msUntilTick: () => (linked === 0 ? Number.POSITIVE_INFINITY : Math.max(0, soonestMs - nowMs())),
  advance,
});

function link(timer: Timer): void {
  if (timer.slot >= 0) unlink(timer);
  if (linked === 0) {
    if (!sweeping) tick = Math.floor(nowMs() / TICK_MS);
    keepTurning();
  }
  const ahead = Math.ceil(timer.deadlineMs / TICK_MS);
  const at = Math.min(Math.max(ahead, tick + 1), tick + SLOTS - 1);
  const slot = at % SLOTS;
  timer.slot = slot;
  timer.visitMs = at * TICK_MS;
  if (timer.visitMs < soonestMs) soonestMs = timer.visitMs;
  timer.previous = undefined;
  const head = heads[slot];
  timer.next = head;
  if (head !== undefined) head.previous = timer;
  heads[slot] = timer;
  linked++;
}

function unlink(timer: Timer): void {
  const { previous, next } = timer;
  if (previous === undefined) heads[timer.slot] = next;
  else previous.next = next;
  if (next !== undefined) next.previous = previous;
  timer.previous = undefined;
  timer.next = undefined;
  timer.slot = -1;
  linked--;
}

/** Looks at the slots whose time has come. */
function advance(): void {
  if (linked === 0) return;
  const now = Math.floor(nowMs() / TICK_MS);
  if (nowMs() < soonestMs) {
    tick = now;
    return;
  }
  // After a long stall one round sees every slot; older ticks would only see the same slots again.
  if (now - tick > SLOTS) tick = now - SLOTS;
  sweeping = true;
  while (tick < now) {
    tick++;
    sweep(tick % SLOTS, tick * TICK_MS);
  }
  sweeping = false;
  soonestMs = soonestVisit();
}

function soonestVisit(): number {
  if (linked === 0) return Number.POSITIVE_INFINITY;
  let at = tick + 1;
  while (heads[at % SLOTS] === undefined) at++;
  return at * TICK_MS;
}

function fire(timer: Timer): void {
  try {
    timer.owner.onTimer(timer.tag);
  } catch (error) {
    reportFault(error);
  }
}

/** Fires the slot's due timers; the others move on to the slot of their deadline. */
function sweep(slot: number, timeMs: number): void {
  let timer = heads[slot];
  while (timer !== undefined) {
    unlink(timer);
    if (timer.deadlineMs <= timeMs) {
      timer.deadlineMs = Number.POSITIVE_INFINITY;
      fire(timer);
    } else if (timer.armed) {
      link(timer);
    }
    // A fired timer may have released its neighbours: begin again at the head, which only holds timers not seen yet.
    // Timers re-linked above never land in this slot, as their distance from its tick is 1 to SLOTS - 1: `tick` must
    // not move meanwhile, even where the only timer is taken off and put on again.
    timer = heads[slot];
  }
}
