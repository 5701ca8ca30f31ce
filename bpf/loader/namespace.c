// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Stays in a network namespace, and hands sockets of it to who started it: a socket belongs to the namespace it was made in, whoever
// holds it. By the channel that Node opens to its children (child_process, `ipc`): a line of JSON, and the socket beside it.
#define _GNU_SOURCE /* strerrorname_np */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel.h"
#include "verbs.h"

enum { LINE_MAX_BYTES = 128 };

/* Nothing but the mesh and what people put there is in this namespace: it forwards, and what may pass is policy's to say. */
static void set(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return;
  if (fd < 0 || write(fd, "1", 1) != 1) fail(path);
  close(fd);
}

static void loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request)) fail("lo");
  request.ifr_flags |= IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request)) fail("lo");
  close(fd);
}

/* `fd` < 0: without one. */
static void say(int channel, const char *line, int fd) {
  struct iovec bytes = {.iov_base = (void *)line, .iov_len = strlen(line)};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
  if (fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  /* Whoever asked is gone where this fails. */
  if (sendmsg(channel, &message, MSG_NOSIGNAL) != (ssize_t)bytes.iov_len) exit(0);
}

/* Each socket is acknowledged by a line, and the next may not be under way before. */
static void await_line(int channel) {
  char byte = 0;
  while (byte != '\n')
    if (read(channel, &byte, 1) <= 0) exit(0);
}

/* -1, with errno. Without an address it is left to who gets it what it is bound to. */
static int made(const char *what, const char *address, unsigned port) {
  struct sockaddr_in at4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  int six = inet_pton(AF_INET6, address, &at6.sin6_addr) == 1;
  if (!six && inet_pton(AF_INET, address, &at4.sin_addr) != 1) misuse(address);
  int type = strcmp(what, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
  int fd = socket(six ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int on = 1;
  if (six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (strcmp(what, "connect") == 0) return fd;
  if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, six ? (void *)&at6 : (void *)&at4, six ? sizeof at6 : sizeof at4) == 0) return fd;
  int why = errno;
  close(fd);
  errno = why;
  return -1;
}

static void answer(int channel, const char *line) {
  unsigned id, port;
  char what[8], address[64], text[192];
  if (sscanf(line, "%u %7s %63s %u", &id, what, address, &port) != 4 || port > 0xffff) misuse(line);
  if (strcmp(what, "udp") && strcmp(what, "listen") && strcmp(what, "connect")) misuse(what);
  int fd = made(what, address, port);
  if (fd < 0) {
    snprintf(text, sizeof text, "{\"id\":%u,\"error\":\"%s\"}\n", id, strerrorname_np(errno));
    return say(channel, text, -1);
  }
  const char *type = strcmp(what, "udp") == 0 ? "dgram.Native" : "net.Native";
  snprintf(text, sizeof text, "{\"cmd\":\"NODE_HANDLE\",\"type\":\"%s\",\"msg\":{\"id\":%u}}\n", type, id);
  say(channel, text, fd);
  close(fd);
  await_line(channel);
}

void namespace_serve(char **words) {
  (void)words;
  const char *at = getenv("NODE_CHANNEL_FD");
  if (at == NULL) misuse("no channel: NODE_CHANNEL_FD is not set");
  int channel = atoi(at);
  loopback_up();
  set("/proc/sys/net/ipv4/ip_forward");
  set("/proc/sys/net/ipv6/conf/all/forwarding");
  say(channel, "{\"ready\":true}\n", -1);
  char lines[4096];
  unsigned held = 0;
  for (;;) {
    /* It ends with its input, whatever becomes of who started it. */
    ssize_t bytes = read(0, lines + held, sizeof lines - held);
    if (bytes <= 0) return;
    held += bytes;
    unsigned from = 0;
    for (unsigned i = 0; i < held; i++) {
      if (lines[i] != '\n') continue;
      lines[i] = 0;
      answer(channel, lines + from);
      from = i + 1;
    }
    held -= from;
    memmove(lines, lines + from, held);
    if (held > LINE_MAX_BYTES) misuse("a line that does not end");
  }
}
