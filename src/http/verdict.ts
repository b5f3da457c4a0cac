/** What handlers return; every other value is a status that ends the request (nginx's NGX_OK and friends). */

/** Done: the phase is over; from a content handler, the response was sent or is being sent. */
export const OK = 0;
/** Waiting: the handler goes on later and calls `resume` or `finalize` itself. */
export const AGAIN = -2;
/** The handler has ended the request or handed it on; nothing more is to be done. */
export const DONE = -4;
/** Not mine: the next handler is asked. */
export const DECLINED = -5;
