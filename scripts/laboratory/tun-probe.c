// Two interfaces of a router that forwards between them, and what comes out of one when packets go into the other.
//
//   tun-probe MESH LAN      prints `ready` once both are there, and then takes batches from standard input:
//       count (32 bits), and for each packet: side (8 bits; 0 goes into MESH, 1 into LAN), length (16 bits), the packet.
//       Answers with a byte for each packet: whether it came out of the other side. All numbers are little-endian.
//
// Packets have 64 hops to go and carry their position in the batch: IPv4 as identification, IPv6 as flow label. The last of a batch has to be one that
// goes into LAN and comes out of LAN again whatever policy says: the kernel takes packets in their order, so once it is back
// whatever was to come out is out.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { HOPS = 64, ROOM = 2048, BATCH_MAX = 1 << 16, LOST_AFTER_MS = 5000 };
static uint8_t passed[BATCH_MAX];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_tun(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) fail(name);
  return fd;
}

/* False at the end of what there is to read. */
static int take(void *to, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    ssize_t n = read(0, (char *)to + at, bytes - at);
    if (n <= 0) return 0;
    at += n;
  }
  return 1;
}

static void give(const void *from, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    ssize_t n = write(1, (const char *)from + at, bytes - at);
    if (n <= 0) fail("answer");
    at += n;
  }
}

/* The kernel has words of its own for its interfaces: what was forwarded has one hop less. */
static uint32_t place_of(const uint8_t *packet, ssize_t bytes) {
  if (bytes >= 20 && packet[0] >> 4 == 4 && packet[8] == HOPS - 1) return packet[4] << 8 | packet[5];
  if (bytes >= 40 && packet[0] >> 4 == 6 && packet[7] == HOPS - 1) return (packet[1] & 0xf) << 16 | packet[2] << 8 | packet[3];
  return UINT32_MAX;
}

static void collect(int fd, uint32_t count) {
  uint8_t packet[ROOM];
  ssize_t n;
  while ((n = read(fd, packet, sizeof packet)) > 0) {
    uint32_t place = place_of(packet, n);
    if (place < count) passed[place] = 1;
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int sides[2] = {open_tun(argv[1]), open_tun(argv[2])};
  /* On one processor there is one queue of packets that came in. */
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  if (sched_setaffinity(0, sizeof one, &one) < 0) fail("processor");
  give("ready\n", 6);
  uint32_t count;
  while (take(&count, sizeof count)) {
    if (count == 0 || count > BATCH_MAX) return 2;
    memset(passed, 0, count);
    for (uint32_t i = 0; i < count; i++) {
      uint8_t side, packet[ROOM];
      uint16_t bytes;
      if (!take(&side, 1) || !take(&bytes, 2) || bytes > ROOM || !take(packet, bytes)) return 2;
      if (write(sides[side & 1], packet, bytes) != bytes) fail("packet");
      for (int out = 0; out < 2; out++) collect(sides[out], count);
    }
    while (!passed[count - 1]) {
      struct pollfd wait = {.fd = sides[1], .events = POLLIN};
      if (poll(&wait, 1, LOST_AFTER_MS) <= 0) fail("the last packet is lost");
      for (int out = 0; out < 2; out++) collect(sides[out], count);
    }
    give(passed, count);
  }
}
