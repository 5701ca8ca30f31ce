/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The kernel's maps, programs and pins by bpf(2) alone. What fails ends this process, with a line that says why. */
#ifndef HOLDFAST_KERNEL_H
#define HOLDFAST_KERNEL_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes: the kernel refused · misuse · nothing is pinned. */
enum { REFUSED = 1, MISUSE = 2, ABSENT = 3 };

_Noreturn void fail(const char *what);
_Noreturn void misuse(const char *what);

int bpf(int command, union bpf_attr *attr);

/* `prefix` names the programs and maps of one kind, and of one layout, among all others. */
void use_pins(const char *prefix);
/* Where pins are; network namespaces of one host share the file system of pins, and have each their own. */
const char *pins(void);
const char *pin_path(const char *name);
void make_pins(void);
/* A file descriptor, or -1 and why not in errno. */
int pinned(const char *name);
/* The same, but without pins this process ends. */
int open_pinned(const char *name);
void pin(const char *name, int fd);

struct map {
  const char *name;
  enum bpf_map_type type;
  uint32_t key_size, value_size, entries, flags;
  const struct map *inner; /* what a map of maps holds */
};

int is_like(int fd, const struct map *map);
/* Of this boot. */
uint32_t map_id(int fd);
int create_map(const struct map *map);
void update(int fd, const void *key, const void *value);
/* All of an array whose flags have BPF_F_MMAPABLE, as it stands in the kernel. */
void *map_memory(int fd, size_t size);
/*
 * Calls back for each element. `key` and `value` are room for one. Where the map changes meanwhile, one may be met twice or
 * not at all; there are never more calls than the map has room.
 */
void walk(int fd, void *key, size_t key_size, void *value, void (*one)(const void *key, const void *value));

#endif
