/** Applications that tell themselves by the paths of their WebSockets, and what they are known to do. */

export interface KnownApp {
  readonly name: string;
  /** Matches the path of a location or request. */
  readonly path: RegExp;
  /** A path that its clients ask for, by default. */
  readonly sample: string;
  /** The longest silence of a tunnel, as one side pings that often; undefined where it may be silent for ever. */
  readonly pingMs: number | undefined;
  /** Compares `Origin` with `Host`, and answers 403 where they differ. */
  readonly comparesOrigin: boolean;
  /** Begins with ordinary requests that must reach the peer that holds the session. */
  readonly needsStickiness: boolean;
  /** Its path is fixed: another one at the backend is a 404. */
  readonly fixedPath: boolean;
}

/** In the order in which they are tried. */
export const KNOWN_APPS: readonly KnownApp[] = [
  app("Socket.IO", /(?:^|\/)(?:socket|engine)\\?\.io(?:\/|$)|^\\\.io$/, "/socket.io/?EIO=4&transport=websocket", 25, {
    needsStickiness: true,
    fixedPath: true,
  }),
  app("SockJS", /(?:^|\/)sockjs(?:-node)?(?:\/|$)/, "/sockjs/000/abcdefgh/websocket", 25, { needsStickiness: true }),
  app("Rails Action Cable", /(?:^|\/)(?:action_)?cable(?:\/|$)/, "/cable", 3, { comparesOrigin: true }),
  app("Home Assistant", /^\/api\/websocket$/, "/api/websocket", 55, { fixedPath: true }),
  app("Grafana Live", /(?:^|\/)api\/live(?:\/|$)/, "/api/live/ws", 25, { comparesOrigin: true }),
  app("Jupyter", /(?:^|\/)api\/kernels(?:\/|$)/, "/api/kernels/0/channels", 30, { comparesOrigin: true }),
  app("Mattermost", /\/api\/v.*websocket/, "/api/v4/websocket", 54, { comparesOrigin: true, fixedPath: true }),
  app("Nextcloud Talk's signaling", /\/standalone-signaling(?:\/|$)/, "/standalone-signaling/spreed", 54, {}),
  app("Phoenix", /^\/(?:live|socket)(?:\/websocket)?$/, "/live/websocket", 30, {}),
  app("SignalR", /(?:^|\/)(?:signalr|\w*hubs?)(?:\/|$)/i, "/hub", 15, { needsStickiness: true }),
  app("Streamlit", /\/_stcore\/stream/, "/_stcore/stream", 30, { fixedPath: true }),
  app("Centrifugo", /\/connection\/websocket/, "/connection/websocket", 25, { fixedPath: true }),
  app("Gotify", /^\/stream$/, "/stream", 45, { comparesOrigin: true }),
  app("ttyd", /(?:^|\/)ttyd(?:\/|$)/, "/ttyd/ws", 5, {}),
  app("MQTT", /(?:^|\/)mqtt(?:\/|$)/, "/mqtt", 60, {}),
  app("webpack's dev server", /webpack-hmr$/, "/_next/webpack-hmr", 5, { fixedPath: true }),
];

const SECOND_MS = 1000;

function app(
  name: string,
  path: RegExp,
  sample: string,
  pingSeconds: number,
  traits: Partial<Pick<KnownApp, "comparesOrigin" | "needsStickiness" | "fixedPath">>,
): KnownApp {
  return {
    name,
    path,
    sample,
    pingMs: pingSeconds * SECOND_MS,
    comparesOrigin: false,
    needsStickiness: false,
    fixedPath: false,
    ...traits,
  };
}

/** The application that a path tells; undefined for most. */
export function knownApp(path: string): KnownApp | undefined {
  return KNOWN_APPS.find((known) => known.path.test(path));
}

const WORDS =
  /(?:^|[^a-z])(?:wss?|websockets?|websockify|web_socket|socket|sockets|socketio|vncwebsocket|hmr|wstunnel)(?:[^a-z]|$)/i;

/** Whether a path or the name of an upstream says that WebSockets go there. */
export function soundsLikeWebSocket(text: string): boolean {
  return WORDS.test(text);
}
