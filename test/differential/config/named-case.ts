/** Configurations with a name of their own, for errors that take more than one statement. */

/** One configuration that nginx refuses. `text` is the main file; `files` are beside it. */
export interface NamedCase {
  readonly name: string;
  readonly text: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Text of -g. */
  readonly globals?: string;
}

/** In the http block, with its lines starting at line 3. */
export function http(name: string, text: string, files: Readonly<Record<string, string>> = {}): NamedCase {
  return { name, text: `events { }\nhttp {\n${text}\n}\n`, files };
}

/** In a server, with its lines starting at line 4. */
export function server(name: string, text: string, files: Readonly<Record<string, string>> = {}): NamedCase {
  return http(name, `server {\n${text}\n}`, files);
}

/** In a location, with its lines starting at line 5. */
export function location(name: string, text: string): NamedCase {
  return server(name, `location / {\n${text}\n}`);
}
