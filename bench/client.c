/*
 * WebSocket clients of the measurements, on 127.0.0.1. Each byte that comes back is compared with what must come.
 *   echo        each connection sends a message of SIZE bytes, waits until it is back, and sends the next
 *   paced       each connection sends a message of SIZE bytes 20 times a second, if the last one is back
 *   push        each connection takes messages of SIZE bytes as fast as they come
 *   handshakes  each connection connects, shakes hands, has one message echoed, closes as RFC 6455 wants, and starts again
 * usage: client echo|paced|push|handshakes PORT CONNECTIONS SIZE SECONDS [tls]
 * Prints {"operations": n, "seconds": n, "p99_us": n}: messages or handshakes; p99 is 0 for push. Ends with 1 when
 * anything went wrong.
 */
#include "wire.h"
#include "secure.h"

enum { READ_BYTES = 256 * 1024, MAX_EVENTS = 256, OPEN_LIMIT_SECONDS = 20 };
/* So often a paced connection says something. */
static const uint64_t PACE_NS = 50 * 1000000ull;

struct connection {
  int fd;
  /* NULL without TLS. */
  SSL *ssl;
  enum { CONNECTING, SECURING, UPGRADING, OPEN, CLOSING } state;
  char head[1024];
  size_t head_length;
  /* The masked message, how much of it is out, and how it must come back. */
  uint8_t *message, *expected;
  size_t message_length, sent, expected_length, received;
  uint64_t started;
};

static enum { ECHO, PACED, PUSH, HANDSHAKES } mode;
static int poller, port, open_count, running, tls;
static size_t size;
static char request[256];
static uint64_t operations, sample_count, sample_room;
static uint32_t *samples;

static void fail(const char *what) {
  fprintf(stderr, "client: %s\n", what);
  exit(1);
}

static ssize_t put(struct connection *c, const void *bytes, size_t length) {
  if (c->ssl != NULL) return as_errno(c->ssl, SSL_write(c->ssl, bytes, (int)length));
  return send(c->fd, bytes, length, MSG_NOSIGNAL);
}

static ssize_t get(struct connection *c, void *bytes, size_t length) {
  if (c->ssl != NULL) return as_errno(c->ssl, SSL_read(c->ssl, bytes, (int)length));
  return recv(c->fd, bytes, length, 0);
}

static void sample(uint64_t since) {
  if (!running) return;
  if (sample_count == sample_room) {
    sample_room = sample_room * 2 + 4096;
    samples = realloc(samples, sample_room * sizeof *samples);
    if (samples == NULL) die("realloc");
  }
  samples[sample_count++] = (uint32_t)((now_ns() - since) / 1000);
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

/* Each connection has a message of its own, so that one that comes back on another is noticed. */
static void make_message(struct connection *c, int index) {
  const uint8_t mask[4] = {0x37, 0xfa, (uint8_t)index, (uint8_t)(index >> 8)};
  uint8_t *payload = malloc(size + 1);
  c->message = malloc(MAX_HEADER + size);
  c->expected = malloc(MAX_HEADER + size);
  if (payload == NULL || c->message == NULL || c->expected == NULL) die("malloc");
  for (size_t k = 0; k < size; k++) payload[k] = (uint8_t)(k * 31 + 7);
  if (mode != PUSH && size >= sizeof index) memcpy(payload, &index, sizeof index);
  size_t head = put_header(c->message, BINARY, size, 1);
  memcpy(c->message + head, mask, 4);
  apply_mask(c->message + head + 4, payload, size, mask);
  c->message_length = head + 4 + size;
  head = put_header(c->expected, BINARY, size, 0);
  memcpy(c->expected + head, payload, size);
  c->expected_length = head + size;
  free(payload);
}

static void start(struct connection *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) die("socket");
  no_delay(c->fd);
  c->ssl = tls ? secure(c->fd) : NULL;
  c->state = CONNECTING;
  c->head_length = c->sent = c->received = 0;
  c->started = now_ns();
  struct sockaddr_in address = loopback(port);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) die("connect");
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN | EPOLLOUT, .data.ptr = c});
}

static void want(struct connection *c, uint32_t events) {
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){.events = events, .data.ptr = c});
}

static void send_rest(struct connection *c) {
  ssize_t n = put(c, c->message + c->sent, c->message_length - c->sent);
  if (n < 0 && errno != EAGAIN) die("send");
  if (n > 0) c->sent += (size_t)n;
  if (c->sent < c->message_length) want(c, EPOLLIN | EPOLLOUT);
}

static void send_message(struct connection *c) {
  c->started = now_ns();
  c->sent = 0;
  send_rest(c);
}

/* Compares what came with the expected message, which repeats when pushed. */
static void take(struct connection *c, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    size_t part = c->expected_length - c->received;
    if (part > length) part = length;
    if (memcmp(bytes, c->expected + c->received, part) != 0) fail("bytes came back changed");
    bytes += part;
    length -= part;
    c->received += part;
    if (c->received < c->expected_length) return;
    c->received = 0;
    if (mode == PUSH) {
      operations++;
      continue;
    }
    if (length > 0) fail("more came back than was sent");
    if (mode == ECHO || mode == PACED) {
      operations++;
      sample(c->started);
      c->sent = 0;
      if (running && mode == ECHO) send_message(c);
    } else {
      const uint8_t close_frame[] = {0x80 | CLOSE, 0x80 | 2, 0, 0, 0, 0, 0x03, 0xe8};
      if (put(c, close_frame, sizeof close_frame) != (ssize_t)sizeof close_frame) die("send");
      c->state = CLOSING;
    }
  }
}

static void take_head(struct connection *c, const uint8_t *bytes, size_t length) {
  size_t before = c->head_length;
  size_t part = sizeof c->head - 1 - before < length ? sizeof c->head - 1 - before : length;
  memcpy(c->head + before, bytes, part);
  c->head_length += part;
  c->head[c->head_length] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (end == NULL) {
    if (c->head_length == sizeof c->head - 1) fail("a handshake is answered with too much");
    return;
  }
  if (strncmp(c->head, "HTTP/1.1 101 ", 13) != 0) fail("a handshake is refused");
  if (strstr(c->head, ACCEPT) == NULL) fail("a handshake is answered without the key's answer");
  size_t used = (size_t)(end + 4 - c->head) - before;
  c->state = OPEN;
  open_count++;
  if (mode == HANDSHAKES) {
    sample(c->started);
    send_message(c);
  }
  if (length > used) take(c, bytes + used, length - used);
}

/* False when nothing waits any more. */
static int receive_some(struct connection *c) {
  static uint8_t bytes[READ_BYTES];
  ssize_t n = get(c, bytes, sizeof bytes);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n < 0) die("recv");
  if (n > 0) {
    if (c->state == UPGRADING) take_head(c, bytes, (size_t)n);
    else if (c->state == OPEN) take(c, bytes, (size_t)n);
    return c->ssl != NULL;
  }
  if (c->state != CLOSING) fail("a connection was closed");
  SSL_free(c->ssl);
  close(c->fd);
  operations++;
  if (running) start(c);
  return 0;
}

/* TLS may hold records that the poller does not see. */
static void receive(struct connection *c) {
  while (receive_some(c));
}

static void upgrade(struct connection *c) {
  c->state = UPGRADING;
  want(c, EPOLLIN);
  size_t all = strlen(request);
  if (put(c, request, all) != (ssize_t)all) die("send");
}

static void shake_hands(struct connection *c) {
  int result = SSL_do_handshake(c->ssl);
  if (result == 1) upgrade(c);
  else if (as_errno(c->ssl, result) < 0 && errno == EAGAIN) want(c, SSL_want_write(c->ssl) ? EPOLLOUT : EPOLLIN);
  else fail("a TLS handshake failed");
}

static void handle(struct connection *c, uint32_t ready) {
  if (c->state == CONNECTING) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) fail(strerror(error));
    if (!(ready & EPOLLOUT)) return;
    c->state = SECURING;
    if (tls) shake_hands(c);
    else upgrade(c);
    return;
  }
  if (c->state == SECURING) {
    shake_hands(c);
    return;
  }
  if (ready & EPOLLOUT) {
    want(c, EPOLLIN);
    send_rest(c);
  }
  if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
}

/* Handles what happens until then; `enough` ends it earlier. */
static void run_until(uint64_t deadline, int enough) {
  struct epoll_event events[MAX_EVENTS];
  for (uint64_t now; (now = now_ns()) < deadline && (enough == 0 || open_count < enough);) {
    int n = epoll_wait(poller, events, MAX_EVENTS, (int)((deadline - now) / 1000000) + 1);
    for (int i = 0; i < n; i++) handle(events[i].data.ptr, events[i].events);
  }
}

/* Each says its message when its time has come, the first ones spread over one pace. */
static void run_paced(struct connection *all, int connections, uint64_t deadline) {
  uint64_t begin = now_ns();
  uint64_t *due = malloc((size_t)connections * sizeof *due);
  if (due == NULL) die("malloc");
  for (int i = 0; i < connections; i++) due[i] = begin + PACE_NS * (uint64_t)i / (uint64_t)connections;
  struct epoll_event events[MAX_EVENTS];
  for (uint64_t now; (now = now_ns()) < deadline;) {
    for (int i = 0; i < connections; i++) {
      if (due[i] > now || all[i].sent > 0) continue;
      due[i] += PACE_NS;
      send_message(&all[i]);
    }
    int n = epoll_wait(poller, events, MAX_EVENTS, 1);
    for (int i = 0; i < n; i++) handle(events[i].data.ptr, events[i].events);
  }
  free(due);
}

int main(int count, char **args) {
  if (count != 6 && count != 7) {
    fprintf(stderr, "usage: client echo|paced|push|handshakes PORT CONNECTIONS SIZE SECONDS [tls]\n");
    return 2;
  }
  tls = count == 7;
  if (tls) begin_secure();
  if (strcmp(args[1], "paced") == 0) mode = PACED;
  else mode = strcmp(args[1], "push") == 0 ? PUSH : strcmp(args[1], "handshakes") == 0 ? HANDSHAKES : ECHO;
  port = atoi(args[2]);
  int connections = atoi(args[3]);
  size = strtoul(args[4], NULL, 10);
  char path[64] = "/ws";
  if (mode == PUSH) snprintf(path, sizeof path, "/push/%zu", size);
  snprintf(request, sizeof request,
           "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
           path);
  poller = epoll_create1(0);
  struct connection *all = calloc((size_t)connections, sizeof *all);
  if (all == NULL) die("calloc");
  running = mode == HANDSHAKES;
  for (int i = 0; i < connections; i++) {
    make_message(&all[i], i);
    start(&all[i]);
  }
  if (mode != HANDSHAKES) {
    run_until(now_ns() + OPEN_LIMIT_SECONDS * 1000000000ull, connections);
    if (open_count < connections) fail("not all connections came about");
    running = 1;
    for (int i = 0; mode == ECHO && i < connections; i++) send_message(&all[i]);
  }
  operations = 0;
  uint64_t begin = now_ns();
  uint64_t end = begin + (uint64_t)(atof(args[5]) * 1e9);
  if (mode == PACED) run_paced(all, connections, end);
  else run_until(end, 0);
  double seconds = (double)(now_ns() - begin) / 1e9;
  qsort(samples, sample_count, sizeof *samples, by_value);
  unsigned p99 = sample_count == 0 ? 0 : samples[(sample_count - 1) * 99 / 100];
  printf("{\"operations\": %llu, \"seconds\": %.6f, \"p99_us\": %u}\n", (unsigned long long)operations, seconds, p99);
  return operations == 0;
}
