"""A WSGI application for tests, to run in uWSGI: says what it was asked, and echoes over WebSocket."""

import json

import uwsgi


def shown(environ):
    """The parameters that are texts, and the body."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    texts = {name: value for name, value in environ.items() if isinstance(value, str)}
    return json.dumps({"environ": texts, "body": body.decode("latin1")}).encode()


def websocket(environ):
    uwsgi.websocket_handshake(environ["HTTP_SEC_WEBSOCKET_KEY"], environ.get("HTTP_ORIGIN", ""))
    while True:
        message = uwsgi.websocket_recv()
        if message.startswith(b"binary:"):
            uwsgi.websocket_send_binary(message)
        else:
            uwsgi.websocket_send(message)


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/ws":
        try:
            websocket(environ)
        except OSError:
            pass  # The client has left.
        return []
    if path == "/missing":
        start_response("404 Not Here", [("Content-Type", "text/plain")])
        return [b"no such page\n"]
    if path == "/moved":
        start_response("302 Found", [("Location", "/elsewhere")])
        return []
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"%d\n" % i for i in range(1000))
    if path == "/large":
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", "3000000")])
        return [b"0123456789" * 300000]
    if path == "/crash":
        raise RuntimeError("on purpose")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [shown(environ)]
