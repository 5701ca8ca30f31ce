// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// What the relay's programs do with frames that nobody sent: each is shown to the one at tc twice, so that it goes by a way that is
// remembered, and then to the one at XDP.
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "relay-maps.h"
#include "verbs.h"

enum { FRAME_MAX = 2048 };

static unsigned read_frame(const char *line, uint8_t *frame) {
  unsigned count = 0, byte;
  while (count < FRAME_MAX && sscanf(line + 2 * count, "%2x", &byte) == 1) frame[count++] = byte;
  if (count < ETH_HLEN) misuse(line);
  return count;
}

static void print_verdict(const char *verdict, const uint8_t *frame, unsigned size) {
  printf("%s", verdict);
  if (size > 0) putchar(' ');
  for (unsigned at = 0; at < size; at++) printf("%02x", frame[at]);
  putchar('\n');
}

static void show_tc(int program, uint32_t device, uint8_t *frame, unsigned size, int is_told) {
  static uint8_t out[FRAME_MAX];
  struct __sk_buff seen = {.ifindex = device, .ingress_ifindex = device};
  union bpf_attr attr = {.test = {.prog_fd = program, .data_in = (uintptr_t)frame, .data_size_in = size, .data_out = (uintptr_t)out,
                                  .data_size_out = sizeof out, .ctx_in = (uintptr_t)&seen, .ctx_size_in = sizeof seen}};
  if (bpf(BPF_PROG_TEST_RUN, &attr)) fail("a test run at tc");
  const int verdict = attr.test.retval;
  if (!is_told) return;
  print_verdict(verdict == TC_ACT_REDIRECT ? "tc sends" : verdict == TC_ACT_SHOT ? "tc drops" : "tc leaves", out,
                verdict == TC_ACT_REDIRECT ? attr.test.data_size_out : 0);
}

static void show_xdp(int program, uint32_t device, uint8_t *frame, unsigned size) {
  static uint8_t out[FRAME_MAX];
  struct xdp_md seen = {.data_end = size, .ingress_ifindex = device};
  union bpf_attr attr = {.test = {.prog_fd = program, .data_in = (uintptr_t)frame, .data_size_in = size, .data_out = (uintptr_t)out,
                                  .data_size_out = sizeof out, .ctx_in = (uintptr_t)&seen, .ctx_size_in = sizeof seen}};
  if (bpf(BPF_PROG_TEST_RUN, &attr)) fail("a test run at XDP");
  const int verdict = attr.test.retval;
  print_verdict(verdict == XDP_REDIRECT ? "xdp sends" : verdict == XDP_DROP ? "xdp drops" : "xdp leaves", out,
                verdict == XDP_REDIRECT ? attr.test.data_size_out : 0);
}

void relay_test(char **words) {
  static char line[2 * FRAME_MAX + 2];
  static uint8_t frame[FRAME_MAX];
  const uint32_t device = if_nametoindex(words[0]);
  if (!device) fail(words[0]);
  use_pins(RELAY_PREFIX HF_RELAY_ABI);
  const int tc = open_pinned("ether"), xdp = open_pinned("xdp");
  while (fgets(line, sizeof line, stdin)) {
    const unsigned size = read_frame(line, frame);
    show_tc(tc, device, frame, size, 0);
    show_tc(tc, device, frame, size, 1);
    show_xdp(xdp, device, frame, size);
  }
}
