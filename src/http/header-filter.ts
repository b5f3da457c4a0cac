/** Header filters change a response's head just before it is written (nginx's top_header_filter chain). */
import type { Request } from "./request.ts";

/**
 * Runs once per response, in the order of the module list. Returns undefined to go on, or the status of the error
 * page that takes the response's place (412, 416).
 */
export type HeaderFilter = (r: Request) => number | undefined;
