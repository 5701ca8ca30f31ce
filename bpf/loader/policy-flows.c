// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Flows from one way of enforcing policy to the other, so that none of them is cut by the change: what nft knows by the kernel's
// connections, and the programs by their own map.
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "connections.h"
#include "policy.h"
#include "verbs.h"

static int flows, table;
static unsigned moved;

static __u64 now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* The table that is in force; ids are what a map of maps shows. By an id only who may do all opens it (CAP_SYS_ADMIN). */
static int open_table(void) {
  const uint32_t first = 0;
  uint32_t id = 0;
  union bpf_attr look = {.map_fd = open_pinned("tables"), .key = (uintptr_t)&first, .value = (uintptr_t)&id};
  if (bpf(BPF_MAP_LOOKUP_ELEM, &look)) misuse("no table");
  union bpf_attr get = {.map_id = id};
  int fd = pinned("table");
  /* A process that ended between the two left the pin of the former. */
  if (fd < 0 || map_id(fd) != id) fd = bpf(BPF_MAP_GET_FD_BY_ID, &get);
  if (fd < 0) fail("the table");
  return fd;
}

static int is_local(const struct hf_address *address) {
  const uint32_t *word = address->word;
  const int four = !word[0] && !word[1] && word[2] == __builtin_bswap32(0xffff);
  const struct hf_table_key key = {
      .bits = HF_ADDRESS_BITS, .kind = HF_LOCAL, .family = four ? 4 : 6, .at.address = *address};
  struct hf_table_value value;
  union bpf_attr look = {.map_fd = table, .key = (uintptr_t)&key, .value = (uintptr_t)&value};
  return bpf(BPF_MAP_LOOKUP_ELEM, &look) == 0;
}

/* Of no generation: with the next packet its opener is judged, by the table as it is. */
static void remember(const struct tuple *opener) {
  int comes = is_local(&opener->destination);
  if (comes == is_local(&opener->source)) return;
  const struct hf_flow_key key = {
      .local = comes ? opener->destination : opener->source,
      .other = comes ? opener->source : opener->destination,
      .local_port = comes ? opener->destination_port : opener->source_port,
      .other_port = comes ? opener->source_port : opener->destination_port,
      .protocol = opener->protocol,
  };
  const struct hf_flow flow = {.last_ns = now_ns(), .direction = comes ? HF_INGRESS : HF_EGRESS};
  update(flows, &key, &flow);
  moved++;
}

/* Where addresses are translated, the mesh sees either what the opener sends or what is answered, with the other as it was. */
static void take_over(const struct tuple *opener, const struct tuple *answer) {
  const struct tuple seen = {answer->destination, answer->source, answer->destination_port, answer->source_port,
                             answer->protocol};
  /* ICMP's identifier stands with who asks. */
  const struct tuple asked = {answer->destination, answer->source, answer->source_port, 0, answer->protocol};
  const struct tuple *other = answer->protocol == IPPROTO_ICMP ? &asked : &seen;
  remember(opener);
  if (memcmp(&opener->source, &other->source, 2 * sizeof other->source) || opener->source_port != other->source_port ||
      opener->destination_port != other->destination_port)
    remember(other);
}

void policy_enforce(char **words) {
  (void)words;
  use_pins(POLICY_PINS);
  flows = open_pinned("flows");
  table = open_table();
  struct hf_policy_settings *settings = settings_memory();
  /* Who enforced all along knows better than the kernel, which may have begun to track in the middle. */
  if (settings->looks_on) each_connection(take_over);
  __atomic_store_n(&settings->looks_on, 0, __ATOMIC_SEQ_CST);
  printf("%u\n", moved);
}

static void give(const void *at, const void *value) {
  const struct hf_flow_key *key = at;
  const struct hf_flow *flow = value;
  const struct tuple comes = {key->other, key->local, key->other_port, key->local_port, key->protocol};
  const struct tuple goes = {key->local, key->other, key->local_port, key->other_port, key->protocol};
  track(flow->direction == HF_INGRESS ? &comes : &goes);
  moved++;
}

void policy_hand_over(char **words) {
  (void)words;
  struct hf_flow_key key;
  struct hf_flow flow;
  use_pins(POLICY_PINS);
  walk(open_pinned("flows"), &key, sizeof key, &flow, give);
  printf("%u\n", moved);
}
