/** worker_connections: how many sockets this process may have, those to clients, to upstreams and its own ones. */

/** Instead of an error number: the connection was not even tried, the process has as many as it may have. */
export const NO_SLOT = -1;

/** In this state nginx begins to close connections that rest: a sixteenth of the slots is left. */
const SCARCE_SHARE = 16;

/** Who has connections that rest and can be closed for new ones. */
export interface SlotHolder {
  /** Closes one; false when there was none. */
  closeResting(): boolean;
}

let limit = Number.POSITIVE_INFINITY;
let used = 0;
const holders: SlotHolder[] = [];
/** Called when slots run low, at most once a second. */
let onScarce: () => void = () => {};
let scarceSecond = -1;

/** Resting connections closed for each new one while slots are scarce: one more, so that they grow. */
const MOST_CLOSED = 2;

/** Sets the number of slots; `scarce` is told when resting connections have to be closed. */
export function limitConnections(slots: number, scarce: () => void): void {
  limit = slots;
  onScarce = scarce;
}

/** Names somebody who can close resting connections; asked in the order of the calls. */
export function addSlotHolder(holder: SlotHolder): void {
  holders.push(holder);
}

/** `N worker_connections are not enough`: N as configured. */
export function notEnoughConnections(): string {
  return `${limit} worker_connections are not enough`;
}

/** For a socket that has to be there, as listening ones. */
export function holdSlot(): void {
  used++;
}

/** Takes a slot for a new connection (ngx_get_connection). False: there is none, the connection cannot be had. Hot. */
export function takeSlot(): boolean {
  if (limit - used <= limit / SCARCE_SHARE) makeRoom();
  if (used >= limit) return false;
  used++;
  return true;
}

/** The connection is closed. */
export function freeSlot(): void {
  used--;
}

/** Closes connections that rest (ngx_drain_connections). */
function makeRoom(): void {
  let closed = 0;
  for (const holder of holders) while (closed < MOST_CLOSED && holder.closeResting()) closed++;
  if (closed === 0) return;
  const second = Math.floor(performance.now() / 1000);
  if (second === scarceSecond) return;
  scarceSecond = second;
  onScarce();
}
