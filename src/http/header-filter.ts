/** Header filters change a response's head just before it is written (nginx's top_header_filter chain). */
import type { Request } from "./request.ts";

/** Runs once per response, in the order of the module list. */
export type HeaderFilter = (r: Request) => void;
