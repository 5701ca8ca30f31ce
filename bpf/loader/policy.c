// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Policy (policy.bpf.c) into the kernel: maps and programs, and their places at the mesh interface.
#include "policy.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "verbs.h"

EMBED(policy_object, POLICY_OBJECT);

static const struct map table = {
    "table", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct hf_table_key), sizeof(struct hf_table_value), HF_TABLE_MAX,
    BPF_F_NO_PREALLOC, NULL};
struct map policy_maps[POLICY_MAPS] = {
    {"tables", BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(uint32_t), sizeof(uint32_t), 1, 0, &table},
    {"flows", BPF_MAP_TYPE_LRU_HASH, sizeof(struct hf_flow_key), sizeof(struct hf_flow), 1024, 0, NULL},
    {"fragments", BPF_MAP_TYPE_LRU_HASH, sizeof(struct hf_fragment_key), sizeof(struct hf_fragment), HF_FRAGMENTS_MAX, 0,
     NULL},
    {"rules", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_rule), HF_RULES_MAX, BPF_F_MMAPABLE, NULL},
    {"policy_settings", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), sizeof(struct hf_policy_settings), 1, BPF_F_MMAPABLE, NULL},
    {"denied", BPF_MAP_TYPE_LRU_HASH, sizeof(struct hf_denied_key), sizeof(struct hf_denied), HF_DENIED_MAX, 0, NULL},
};
const struct object policy_programs = {policy_object, policy_maps, POLICY_MAPS};

/* From Linux 6.6; headers may be older. */
enum { TCX_INGRESS = 46, TCX_EGRESS = 47, NO_DEVICE = 0x7fffffff };
struct tcx_info {
  uint32_t type, id, program, pad, device, attach_type;
};
static const struct place {
  const char *program, *link;
  uint32_t attach_type;
} places[] = {{"in", "in_link", TCX_INGRESS}, {"out", "out_link", TCX_EGRESS}};
enum { PLACES = 2 };

struct hf_rule *rules_memory(void) { return map_memory(open_pinned("rules"), HF_RULES_MAX * sizeof(struct hf_rule)); }

struct hf_policy_settings *settings_memory(void) {
  return map_memory(open_pinned("policy_settings"), sizeof(struct hf_policy_settings));
}

static int create_link(int program, uint32_t device, uint32_t attach_type) {
  union bpf_attr attr = {
      .link_create = {.prog_fd = program, .target_ifindex = device, .attach_type = attach_type}};
  return bpf(BPF_LINK_CREATE, &attr);
}

void policy_probe(char **words) {
  (void)words;
  int fds[POLICY_MAPS], program = -1;
  for (int m = 0; m < POLICY_MAPS; m++) fds[m] = create_map(&policy_maps[m]);
  for (int p = 0; p < PLACES; p++) program = load_program(&policy_programs, places[p].program, POLICY_PREFIX, fds);
  /* Who knows the way complains of the device. */
  create_link(program, NO_DEVICE, TCX_EGRESS);
  puts(errno == ENODEV ? "tcx" : "clsact");
}

/* All that is pinned, if all of it is of this make. */
static int adopt(int *fds) {
  for (int m = 0; m < POLICY_MAPS; m++) {
    fds[m] = pinned(policy_maps[m].name);
    if (fds[m] < 0 && m > SETTINGS) pin(policy_maps[m].name, fds[m] = create_map(&policy_maps[m]));
    if (fds[m] < 0 || !is_like(fds[m], &policy_maps[m])) return 0;
  }
  return 1;
}

/* A process that ended between the table and its generation left flows that were judged by the former: all are judged anew. */
static void begin_generation(void) {
  struct hf_policy_settings *settings = settings_memory();
  struct hf_rule *rules = rules_memory();
  const uint32_t before = settings->generation;
  if (!before) return;
  for (int r = HF_RULES_FIRST; r < HF_RULES_MAX; r++)
    if (rules[r].generation >= before) rules[r].generation = before + 1;
  __atomic_store_n(&settings->generation, before + 1, __ATOMIC_SEQ_CST);
}

void policy_start(char **words) {
  int fds[POLICY_MAPS];
  policy_maps[FLOWS].entries = atoi(words[0]);
  use_pins(POLICY_PINS);
  make_pins();
  if (adopt(fds)) begin_generation();
  else
    for (int m = 0; m < POLICY_MAPS; m++) pin(policy_maps[m].name, fds[m] = create_map(&policy_maps[m]));
  for (const struct place *at = places; at < places + PLACES; at++)
    pin(at->program, load_program(&policy_programs, at->program, POLICY_PREFIX, fds));
  puts(pins());
}

/* The pinned link, if it is of this device; the device that it was of may be gone. */
static int link_at(const struct place *place, uint32_t device) {
  int fd = pinned(place->link);
  if (fd < 0) return -1;
  struct tcx_info info = {0};
  union bpf_attr attr = {.info = {.bpf_fd = fd, .info_len = sizeof info, .info = (uintptr_t)&info}};
  if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && info.device == device) return fd;
  close(fd);
  return -1;
}

void policy_look_on(char **words) {
  (void)words;
  use_pins(POLICY_PINS);
  __atomic_store_n(&settings_memory()->looks_on, 1, __ATOMIC_SEQ_CST);
}

void policy_attach(char **words) {
  uint32_t device = if_nametoindex(words[0]);
  if (!device) fail(words[0]);
  use_pins(POLICY_PINS);
  if (!settings_memory()->generation) misuse("no table");
  for (const struct place *at = places; at < places + PLACES; at++) {
    int program = open_pinned(at->program), link = link_at(at, device);
    /* In place: no packet passes between the former and this one. */
    union bpf_attr attr = {.link_update = {.link_fd = link, .new_prog_fd = program}};
    if (link >= 0 && bpf(BPF_LINK_UPDATE, &attr) == 0) continue;
    link = create_link(program, device, at->attach_type);
    if (link < 0 && errno == EINVAL) {
      puts("clsact");
      return;
    }
    if (link < 0) fail(words[0]);
    pin(at->link, link);
  }
  puts("tcx");
}

void policy_standing(char **words) {
  uint32_t device = if_nametoindex(words[0]);
  use_pins(POLICY_PINS);
  int is_there = pinned("policy_settings") >= 0;
  const struct hf_policy_settings *settings = is_there ? settings_memory() : &(struct hf_policy_settings){.looks_on = 1};
  int attached = device && link_at(&places[0], device) >= 0 && link_at(&places[1], device) >= 0;
  printf("%u %s %s\n", settings->generation, settings->looks_on ? "looks-on" : "enforces",
         attached ? "tcx" : device ? "-" : "absent");
}
