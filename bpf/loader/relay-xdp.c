// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The relay's short cut at XDP (relay-xdp.bpf.c), in front of the one at tc: hung up where the driver runs it and some way out
// takes its frames, by links, so that nobody else takes its place by accident, and in the driver alone: the kernel's own XDP is no
// faster than tc.
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "object.h"
#include "relay-maps.h"
#include "verbs.h"

#define LINK "xdp-" /* and the device's index */

EMBED(relay_xdp_object, RELAY_XDP_OBJECT);
static const struct object object = {relay_xdp_object, relay_maps, RELAY_MAPS};

static struct device devices[HF_ETHERS_MAX];
static unsigned count;
static char wanted[HF_ETHERS_MAX][IF_NAMESIZE + 1];
static unsigned wanted_count;

void note_ethers(int fd, int is_anew) {
  count = read_devices(devices, HF_ETHERS_MAX);
  for (const struct device *one = devices; one < devices + count; one++) {
    uint32_t is = HF_ETHER | (one->takes_frames ? HF_TAKES_FRAMES : 0), was = 0;
    union bpf_attr look = {.map_fd = fd, .key = (uintptr_t)&one->index, .value = (uintptr_t)&was};
    if (!one->is_ether) continue;
    bpf(BPF_MAP_LOOKUP_ELEM, &look);
    if (is != was && (is_anew || !(was & HF_REFUSED))) update(fd, &one->index, &is);
  }
}

static int is_wanted(const struct device *device) {
  for (unsigned w = 0; w < wanted_count; w++)
    if (strcmp(wanted[w], device->name) == 0) return 1;
  return 0;
}

static const char *link_name(const struct device *device) {
  static char name[32];
  snprintf(name, sizeof name, LINK "%u", device->index);
  return name;
}

static int is_hung(const struct device *device) {
  int fd = pinned(link_name(device));
  if (fd < 0) return 0;
  struct bpf_link_info info = {0};
  union bpf_attr attr = {.info = {.bpf_fd = fd, .info_len = sizeof info, .info = (uintptr_t)&info}};
  int is = !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) && info.xdp.ifindex == device->index;
  close(fd);
  return is;
}

/* At once; where only the pin goes, the kernel takes its time. */
static void take_down(const char *name) {
  int fd = pinned(name);
  union bpf_attr attr = {.link_detach = {.link_fd = fd}};
  if (fd >= 0) bpf(BPF_LINK_DETACH, &attr), close(fd);
  unlink(pin_path(name));
}

/* Also what hung at devices that are gone. */
static void take_down_others(void) {
  DIR *all = opendir(pins());
  for (const struct dirent *one; all && (one = readdir(all));) {
    unsigned i = 0;
    if (strncmp(one->d_name, LINK, sizeof LINK - 1) != 0) continue;
    while (i < count && !(is_wanted(&devices[i]) && strcmp(one->d_name, link_name(&devices[i])) == 0 && is_hung(&devices[i]))) i++;
    if (i == count) take_down(one->d_name);
  }
  if (all) closedir(all);
}

static void watch_refusals(const int *maps) {
  int program = load_program_for(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &object, "refused", RELAY_PREFIX, maps);
  union bpf_attr attr = {.raw_tracepoint = {.name = (uintptr_t)"xdp_redirect_err", .prog_fd = program}};
  int fd = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
  if (fd < 0) fail("xdp_redirect_err");
  pin("refused", fd);
}

static void hang(const struct device *device, int program) {
  union bpf_attr attr = {.link_create = {.prog_fd = program, .target_ifindex = device->index, .attach_type = BPF_XDP,
                                         .flags = XDP_FLAGS_DRV_MODE}};
  int fd = bpf(BPF_LINK_CREATE, &attr);
  if (fd < 0) {
    fprintf(stderr, "%s: %s\n", device->name, strerror(errno));
    return;
  }
  pin(link_name(device), fd);
}

static void renew(const struct device *device, int program) {
  union bpf_attr attr = {.link_update = {.link_fd = open_pinned(link_name(device)), .new_prog_fd = program}};
  if (bpf(BPF_LINK_UPDATE, &attr)) fail(device->name);
}

static int any_takes_frames(void) {
  for (unsigned i = 0; i < count; i++)
    if (is_wanted(&devices[i]) && devices[i].takes_frames) return 1;
  return 0;
}

/* Whether hanging one up may be what a driver waits for to take frames. */
static int may_take_frames(void) {
  for (unsigned i = 0; i < count; i++)
    if (is_wanted(&devices[i]) && devices[i].runs_xdp && !devices[i].is_veth) return 1;
  return any_takes_frames();
}

static const char *state_of(const struct device *device) {
  return !device->is_known          ? "unknown"
         : !device->runs_xdp        ? "no-driver"
         : is_hung(device)          ? "xdp"
         : device->has_xdp          ? "taken"
         : !device->takes_frames    ? "no-frames"
                                    : "free";
}

void relay_standing(char **words) {
  (void)words;
  use_pins(RELAY_PREFIX HF_RELAY_ABI);
  count = read_devices(devices, HF_ETHERS_MAX);
  for (unsigned i = 0; i < count; i++)
    if (devices[i].is_ether) printf("%s %s\n", devices[i].name, state_of(&devices[i]));
}

static void read_wanted(void) {
  while (wanted_count < HF_ETHERS_MAX && fgets(wanted[wanted_count], sizeof *wanted, stdin)) {
    wanted[wanted_count][strcspn(wanted[wanted_count], "\n")] = 0;
    wanted_count++;
  }
}

/* Fresh programs for all that hang, where `relay load` asked for them, or this is the first time. */
static int program_for_all(const int *maps) {
  int program = pinned("xdp");
  if (program >= 0) return program;
  program = load_program_for(BPF_PROG_TYPE_XDP, BPF_F_XDP_HAS_FRAGS, &object, "xdp", RELAY_PREFIX, maps);
  watch_refusals(maps);
  for (unsigned i = 0; i < count; i++)
    if (is_wanted(&devices[i]) && is_hung(&devices[i])) renew(&devices[i], program);
  pin("xdp", program);
  return program;
}

void relay_hang(char **words) {
  (void)words;
  int maps[RELAY_MAPS], were = 0;
  use_pins(RELAY_PREFIX HF_RELAY_ABI);
  for (int m = 0; m < RELAY_MAPS; m++) maps[m] = open_pinned(relay_maps[m].name);
  note_ethers(maps[RELAY_ETHERS], 1);
  read_wanted();
  take_down_others();
  if (may_take_frames()) {
    int program = program_for_all(maps);
    for (unsigned i = 0; i < count; i++) {
      if (is_wanted(&devices[i]) && is_hung(&devices[i])) were = 1;
      else if (is_wanted(&devices[i]) && devices[i].runs_xdp && !devices[i].has_xdp) hang(&devices[i], program);
    }
    note_ethers(maps[RELAY_ETHERS], 1);
  }
  const int is_vain = !any_takes_frames();
  for (unsigned i = 0; i < count; i++) {
    if (!is_wanted(&devices[i])) continue;
    const char *state = state_of(&devices[i]);
    if (strcmp(state, "free") == 0) state = "refused";
    if (is_vain && is_hung(&devices[i])) {
      take_down(link_name(&devices[i]));
      state = were ? "no-frames" : "vain";
    }
    printf("%s %s\n", devices[i].name, state);
  }
}
