/** Names that reach users: the Server header, error-page footers, `-v`. */

/** hopway's own version; package.json carries the same (held by a test). */
export const VERSION = "0.1.0";
export const SERVER_NAME = "hopway";
export const SERVER_TOKEN = `${SERVER_NAME}/${VERSION}`;
/** The nginx release whose behaviour is implemented. */
export const NGINX_VERSION = "1.31.0";
