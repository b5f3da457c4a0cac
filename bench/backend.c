/*
 * The backend of the measurements, on 127.0.0.1: GET gets 1 KiB; a WebSocket on /push/SIZE is sent binary messages of
 * that size for as long as it takes them, one on any other path gets its messages back.
 * usage: backend PORT
 */
#include "wire.h"

enum { READ_BYTES = 256 * 1024, HELD_LIMIT = 4 << 20, PUSH_BYTES = 256 * 1024, MAX_EVENTS = 256 };

struct buffer {
  uint8_t *bytes;
  size_t start, end, room;
};

struct connection {
  int fd;
  enum { HTTP, ECHO, PUSH, DONE } state;
  uint32_t events;
  struct buffer in, out;
  /* Of a pusher: its message, repeated, and where in it the next write begins. */
  uint8_t *pushed;
  size_t pushed_length, pushed_at;
};

static int poller;
static char page[1200];
static size_t page_length;
static const char switching[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n";

/* Makes room for that many bytes at the end. */
static uint8_t *reserve(struct buffer *b, size_t more) {
  if (b->start > 0 && b->end + more > b->room) {
    memmove(b->bytes, b->bytes + b->start, b->end - b->start);
    b->end -= b->start;
    b->start = 0;
  }
  if (b->end + more > b->room) {
    b->room = (b->end + more) * 2;
    b->bytes = realloc(b->bytes, b->room);
    if (b->bytes == NULL) die("realloc");
  }
  return b->bytes + b->end;
}

static void append(struct buffer *b, const void *bytes, size_t length) {
  memcpy(reserve(b, length), bytes, length);
  b->end += length;
}

static void drop(struct connection *c) {
  close(c->fd);
  free(c->in.bytes);
  free(c->out.bytes);
  free(c->pushed);
  free(c);
}

static void start_push(struct connection *c, size_t size) {
  size_t count = size < PUSH_BYTES ? PUSH_BYTES / size : 1;
  uint8_t header[MAX_HEADER];
  size_t head = put_header(header, BINARY, size, 0);
  c->pushed_length = count * (head + size);
  c->pushed = malloc(c->pushed_length);
  if (c->pushed == NULL) die("malloc");
  uint8_t *at = c->pushed;
  for (size_t i = 0; i < count; i++, at += head + size) {
    memcpy(at, header, head);
    for (size_t k = 0; k < size; k++) at[head + k] = (uint8_t)(k * 31 + 7);
  }
  c->state = PUSH;
}

/* Answers the request heads that are complete. */
static void read_http(struct connection *c) {
  for (;;) {
    char *head = (char *)c->in.bytes + c->in.start;
    char *end = memmem(head, c->in.end - c->in.start, "\r\n\r\n", 4);
    if (end == NULL) return;
    c->in.start += (size_t)(end + 4 - head);
    *end = 0;
    if (strcasestr(head, "\r\nupgrade: websocket") == NULL) {
      append(&c->out, page, page_length);
      continue;
    }
    append(&c->out, switching, sizeof switching - 1);
    c->state = ECHO;
    if (strncmp(head, "GET /push/", 10) == 0) start_push(c, strtoul(head + 10, NULL, 10));
    return;
  }
}

/* Sends back the messages that are complete; a Close is answered, and is the last. */
static void read_frames(struct connection *c) {
  int opcode;
  uint64_t length;
  const uint8_t *mask;
  while (c->state == ECHO) {
    const uint8_t *at = c->in.bytes + c->in.start;
    size_t have = c->in.end - c->in.start;
    size_t head = get_header(at, have, &opcode, &length, &mask);
    if (head == 0 || have < head + length) return;
    if (mask == NULL) {
      c->state = DONE;
      return;
    }
    uint8_t *to = reserve(&c->out, MAX_HEADER + length);
    size_t own = put_header(to, opcode, length, 0);
    apply_mask(to + own, at + head, length, mask);
    c->out.end += own + length;
    c->in.start += head + length;
    if (opcode == CLOSE) c->state = DONE;
  }
}

/* Writes what is held, then what a pusher has; 0 when the connection is over. */
static int write_out(struct connection *c) {
  while (c->out.start < c->out.end) {
    ssize_t n = send(c->fd, c->out.bytes + c->out.start, c->out.end - c->out.start, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN;
    c->out.start += (size_t)n;
  }
  c->out.start = c->out.end = 0;
  while (c->state == PUSH) {
    ssize_t n = send(c->fd, c->pushed + c->pushed_at, c->pushed_length - c->pushed_at, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN;
    c->pushed_at = (c->pushed_at + (size_t)n) % c->pushed_length;
  }
  return c->state != DONE;
}

/* Reads and answers; 0 when the connection is over. */
static int read_in(struct connection *c) {
  ssize_t n = recv(c->fd, reserve(&c->in, READ_BYTES), READ_BYTES, 0);
  if (n < 0) return errno == EAGAIN;
  if (n == 0) return 0;
  c->in.end += (size_t)n;
  if (c->state == HTTP) read_http(c);
  if (c->state == ECHO) read_frames(c);
  /* What clients say to a pusher does not matter. */
  if (c->state == PUSH || c->in.start == c->in.end) c->in.start = c->in.end = 0;
  return 1;
}

static void serve(struct connection *c, uint32_t ready) {
  int alive = !(ready & EPOLLERR);
  if (alive && ready & (EPOLLIN | EPOLLHUP)) alive = read_in(c);
  if (alive) alive = write_out(c);
  if (!alive) {
    drop(c);
    return;
  }
  size_t held = c->out.end - c->out.start;
  uint32_t wanted = (held < HELD_LIMIT ? EPOLLIN : 0) | (held > 0 || c->state == PUSH ? EPOLLOUT : 0);
  if (wanted == c->events) return;
  c->events = wanted;
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &(struct epoll_event){.events = wanted, .data.ptr = c});
}

static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    struct connection *c = calloc(1, sizeof *c);
    if (c == NULL) die("calloc");
    no_delay(fd);
    c->fd = fd;
    c->events = EPOLLIN;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
  }
}

int main(int count, char **args) {
  if (count != 2) return fprintf(stderr, "usage: backend PORT\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  page_length = (size_t)sprintf(page, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n");
  memset(page + page_length, 'x', 1024);
  page_length += 1024;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = loopback(atoi(args[1]));
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  if (listen(listener, 4096) < 0) die("listen");
  poller = epoll_create1(0);
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
  for (struct epoll_event events[MAX_EVENTS];;) {
    int n = epoll_wait(poller, events, MAX_EVENTS, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr == NULL) accept_all(listener);
      else serve(events[i].data.ptr, events[i].events);
    }
  }
}
