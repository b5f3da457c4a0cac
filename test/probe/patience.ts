/** How long the probe waits in tests. */

/** For answers that come; what never comes is waited for so long. */
export const PATIENT_MS = 8000;
/** For what never comes: the test waits all of it. */
export const SHORT_MS = 3000;
/** A tunnel under test is cut after this silence: longer than what the probe does before it is silent takes. */
export const CUT_S = 3;
/** So long the probe is silent. */
export const IDLE_MS = 6000;
