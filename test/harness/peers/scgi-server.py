"""An SCGI server for tests: says what it was asked, and echoes over WebSocket. Prints {"port": n} when it listens."""

import base64
import hashlib
import json
import socketserver

KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def read_netstring(stream):
    length = b""
    while not length.endswith(b":"):
        byte = stream.read(1)
        if not byte:
            return None
        length += byte
    content = stream.read(int(length[:-1]))
    assert stream.read(1) == b",", "a netstring ends with a comma"
    return content


def read_frame(stream):
    """One unfragmented, masked frame: its opcode and payload."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    length = head[1] & 127
    if length == 126:
        length = int.from_bytes(stream.read(2), "big")
    elif length == 127:
        length = int.from_bytes(stream.read(8), "big")
    mask = stream.read(4)
    payload = stream.read(length)
    return head[0] & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def frame(opcode, payload):
    if len(payload) < 126:
        length = bytes([len(payload)])
    elif len(payload) < 65536:
        length = b"\x7e" + len(payload).to_bytes(2, "big")
    else:
        length = b"\x7f" + len(payload).to_bytes(8, "big")
    return bytes([128 | opcode]) + length + payload


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        content = read_netstring(self.rfile)
        if content is None:
            return
        texts = content.decode("latin1").split("\0")[:-1]
        names, values = texts[0::2], texts[1::2]
        assert names[0] == "CONTENT_LENGTH", "the length comes first"
        params = dict(zip(names, values))
        path = params["DOCUMENT_URI"]
        if path == "/ws":
            self.websocket(params)
            return
        body = self.rfile.read(int(params["CONTENT_LENGTH"]))
        if path == "/missing":
            self.wfile.write(b"Status: 404 Not Here\r\nContent-Type: text/plain\r\n\r\nno such page\n")
        elif path == "/moved":
            self.wfile.write(b"Location: /elsewhere\r\n\r\n")
        elif path == "/large":
            self.wfile.write(b"Content-Type: application/octet-stream\r\n\r\n" + b"0123456789" * 300000)
        else:
            said = {"params": params, "order": names, "body": body.decode("latin1")}
            self.wfile.write(b"Content-Type: application/json\r\n\r\n" + json.dumps(said).encode())

    def websocket(self, params):
        digest = hashlib.sha1((params["HTTP_SEC_WEBSOCKET_KEY"] + KEY_SUFFIX).encode()).digest()
        accept = base64.b64encode(digest)
        self.wfile.write(
            b"Status: 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        while True:
            received = read_frame(self.rfile)
            if received is None:
                return
            opcode, payload = received
            self.wfile.write(frame(opcode, payload))
            if opcode == 8:
                return


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", 0), Handler) as server:
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever()
