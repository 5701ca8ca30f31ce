// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// What policy in the kernel has counted, and what it says of frames that nobody sent.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address.h"
#include "policy.h"
#include "verbs.h"

enum { FRAME_MAX = 4096, PASS = 0xffffffff };

static const struct hf_rule *rules;

static const char *name_of(uint32_t rule) {
  static char cookie[16];
#define REASON_NAME(number, NAME, name) [number] = #name,
  static const char *const reasons[HF_RULES_FIRST] = {HF_REASONS(REASON_NAME)};
  if (rule < HF_RULES_FIRST) return reasons[rule] ? reasons[rule] : "none";
  snprintf(cookie, sizeof cookie, "%u", rule < HF_RULES_MAX ? rules[rule].cookie : 0);
  return cookie;
}

void policy_rules(char **words) {
  (void)words;
  use_pins(POLICY_PINS);
  rules = rules_memory();
  for (uint32_t r = 1; r < HF_RULES_MAX; r++)
    if (rules[r].packets || rules[r].audited)
      printf("%s %llu %llu %llu\n", name_of(r), rules[r].packets, rules[r].bytes, rules[r].audited);
}

static void print_flow(const void *at, const void *value) {
  const struct hf_flow_key *key = at;
  const struct hf_flow *flow = value;
  char local[INET6_ADDRSTRLEN], other[INET6_ADDRSTRLEN];
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long long idle_ms = now.tv_sec * 1000ll + now.tv_nsec / 1000000 - (long long)(flow->last_ns / 1000000);
  printf("%s %u %s %u %u %s %s %u %llu %llu %llu %llu %lld\n", text(&key->local, local), ntohs(key->local_port),
         text(&key->other, other), ntohs(key->other_port), key->protocol, flow->direction == HF_INGRESS ? "in" : "out",
         name_of(flow->decided), (uint32_t)(flow->decided >> 32), flow->packets[0], flow->bytes[0], flow->packets[1],
         flow->bytes[1], idle_ms > 0 ? idle_ms : 0);
}

void policy_flows(char **words) {
  (void)words;
  struct hf_flow_key key;
  struct hf_flow flow;
  use_pins(POLICY_PINS);
  rules = rules_memory();
  walk(open_pinned("flows"), &key, sizeof key, &flow, print_flow);
}

static void print_counted_flow(const void *at, const void *value) {
  fputs("f ", stdout);
  print_flow(at, value);
}

static void print_denied(const void *at, const void *value) {
  const struct hf_denied_key *key = at;
  const struct hf_denied *denied = value;
  char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
  printf("d %s %s %u %u %s %llu %llu\n", text(&key->source, source), text(&key->destination, destination), key->protocol,
         ntohs(key->port), name_of(key->rule), denied->packets, denied->bytes);
}

/* All that flows and what was dropped come to: not what keeps paths and agents alive, nor what could not be read. */
static void print_total(void) {
  struct hf_rule total = {0};
  for (uint32_t r = 0; r < HF_RULES_MAX; r++) {
    if (r == HF_FOREIGN || r == HF_TRUNCATED || r == HF_HEADERS || r == HF_CONTROL || r == HF_AGENT || r == HF_UNTRACKED) continue;
    total.packets += rules[r].packets;
    total.bytes += rules[r].bytes;
  }
  printf("t %llu %llu\n", total.packets, total.bytes);
}

/* The sums before and behind the rest: what passes meanwhile is in the one and not in the other. */
void policy_counts(char **words) {
  (void)words;
  struct hf_flow_key flow_key;
  struct hf_flow flow;
  struct hf_denied_key denied_key;
  struct hf_denied denied;
  use_pins(POLICY_PINS);
  rules = rules_memory();
  int flows = open_pinned("flows");
  printf("m %u\n", map_id(flows));
  print_total();
  walk(flows, &flow_key, sizeof flow_key, &flow, print_counted_flow);
  walk(open_pinned("denied"), &denied_key, sizeof denied_key, &denied, print_denied);
  print_total();
}

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

static size_t read_frame(const char *hex, uint8_t *frame) {
  size_t length = 0;
  while (length < FRAME_MAX && digit(hex[0]) >= 0 && digit(hex[1]) >= 0) {
    frame[length++] = digit(hex[0]) << 4 | digit(hex[1]);
    hex += 2;
  }
  if (*hex != '\n') misuse(hex);
  return length;
}

/* By the programs for frames with a link header, and the maps of those that stand. */
void policy_test(char **words) {
  const unsigned times = atoi(words[0]);
  use_pins(POLICY_PINS);
  rules = rules_memory();
  int fds[POLICY_MAPS];
  for (int m = 0; m < POLICY_MAPS; m++) fds[m] = open_pinned(policy_maps[m].name);
  const int in = load_program(&policy_programs, "in_ether", POLICY_PREFIX, fds);
  const int out = load_program(&policy_programs, "out_ether", POLICY_PREFIX, fds);
  static char line[2 * FRAME_MAX + 16];
  static uint8_t frame[FRAME_MAX];
  while (fgets(line, sizeof line, stdin)) {
    int comes = strncmp(line, "in ", 3) == 0;
    if (!comes && strncmp(line, "out ", 4) != 0) misuse(line);
    struct __sk_buff seen = {0};
    union bpf_attr attr = {.test = {.prog_fd = comes ? in : out,
                                    .data_in = (uintptr_t)frame,
                                    .data_size_in = read_frame(line + (comes ? 3 : 4), frame),
                                    .repeat = times,
                                    .ctx_out = (uintptr_t)&seen,
                                    .ctx_size_out = sizeof seen}};
    if (bpf(BPF_PROG_TEST_RUN, &attr)) fail("a test run");
    printf("%s %s %u\n", attr.test.retval == PASS ? "accept" : "drop", name_of(seen.cb[0]), attr.test.duration);
  }
}
