// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Maps and pins in the kernel, for whoever loads programs.
#include "kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BPFFS "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11
enum { PATH_ROOM = 300, KEY_ROOM = 64 };

static char directory[PATH_ROOM];

void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(REFUSED);
}

void misuse(const char *what) {
  fprintf(stderr, "not understood: %s\n", what);
  exit(MISUSE);
}

int bpf(int command, union bpf_attr *attr) { return syscall(SYS_bpf, command, attr, sizeof *attr); }

void use_pins(const char *prefix) {
  struct stat net;
  if (stat("/proc/self/ns/net", &net)) fail("/proc/self/ns/net");
  snprintf(directory, sizeof directory, BPFFS "/%s_%lu", prefix, (unsigned long)net.st_ino);
}

const char *pins(void) { return directory; }

const char *pin_path(const char *name) {
  static char path[2 * PATH_ROOM];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

void make_pins(void) {
  struct statfs held;
  if (statfs(BPFFS, &held)) fail(BPFFS);
  if ((uint32_t)held.f_type != BPFFS_MAGIC && mount("bpf", BPFFS, "bpf", 0, "mode=0700")) fail(BPFFS);
  if (mkdir(directory, 0700) && errno != EEXIST) fail(directory);
}

int pinned(const char *name) {
  union bpf_attr attr = {.pathname = (uintptr_t)pin_path(name)};
  return bpf(BPF_OBJ_GET, &attr);
}

int open_pinned(const char *name) {
  int fd = pinned(name);
  if (fd >= 0) return fd;
  fprintf(stderr, "%s: %s\n", directory, strerror(errno));
  exit(errno == ENOENT ? ABSENT : REFUSED);
}

void pin(const char *name, int fd) {
  const char *path = pin_path(name);
  union bpf_attr attr = {.pathname = (uintptr_t)path, .bpf_fd = fd};
  if (unlink(path) && errno != ENOENT) fail(path);
  if (bpf(BPF_OBJ_PIN, &attr)) fail(path);
}

static struct bpf_map_info info_of(int fd) {
  struct bpf_map_info info = {0};
  union bpf_attr attr = {.info = {.bpf_fd = fd, .info_len = sizeof info, .info = (uintptr_t)&info}};
  if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr)) fail("a map");
  return info;
}

int is_like(int fd, const struct map *map) {
  const struct bpf_map_info info = info_of(fd);
  return info.type == map->type && info.key_size == map->key_size &&
         info.value_size == map->value_size && info.max_entries == map->entries;
}

uint32_t map_id(int fd) { return info_of(fd).id; }

int create_map(const struct map *map) {
  union bpf_attr attr = {.map_type = map->type,
                         .key_size = map->key_size,
                         .value_size = map->value_size,
                         .max_entries = map->entries,
                         .map_flags = map->flags};
  snprintf(attr.map_name, sizeof attr.map_name, "hf_%.12s", map->name);
  int inner = map->inner ? create_map(map->inner) : -1;
  if (map->inner) attr.inner_map_fd = inner;
  int fd = bpf(BPF_MAP_CREATE, &attr);
  if (fd < 0) fail(map->name);
  if (map->inner) close(inner);
  return fd;
}

void update(int fd, const void *key, const void *value) {
  union bpf_attr attr = {.map_fd = fd, .key = (uintptr_t)key, .value = (uintptr_t)value};
  if (bpf(BPF_MAP_UPDATE_ELEM, &attr)) fail("a map takes no more");
}

void *map_memory(int fd, size_t size) {
  const size_t page = sysconf(_SC_PAGESIZE);
  void *at = mmap(NULL, (size + page - 1) / page * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) fail("a map's memory");
  return at;
}

void walk(int fd, void *key, size_t key_size, void *value, void (*one)(const void *key, const void *value)) {
  char before[KEY_ROOM];
  const void *after = NULL;
  for (uint32_t left = info_of(fd).max_entries; left > 0; left--) {
    union bpf_attr next = {.map_fd = fd, .key = (uintptr_t)after, .next_key = (uintptr_t)key};
    if (bpf(BPF_MAP_GET_NEXT_KEY, &next)) return;
    union bpf_attr look = {.map_fd = fd, .key = (uintptr_t)key, .value = (uintptr_t)value};
    if (bpf(BPF_MAP_LOOKUP_ELEM, &look) == 0) one(key, value);
    after = memcpy(before, key, key_size);
  }
}
