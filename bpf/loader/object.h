/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Programs as clang leaves them, into the kernel. */
#ifndef HOLDFAST_OBJECT_H
#define HOLDFAST_OBJECT_H

#include "kernel.h"

/* The compiled programs of a file, as they are, inside this program. */
#define EMBED(symbol, path) \
  extern const uint8_t symbol[] __asm__(#symbol); \
  __asm__(".pushsection .rodata\n.balign 16\n" #symbol ": .incbin \"" path "\"\n.popsection")

struct object {
  const uint8_t *elf;
  const struct map *maps; /* that its code names */
  int map_count;
};

/* `fds`: of the object's maps. The kernel shows the program as `prefix` and its section. For the hooks of tc. */
int load_program(const struct object *object, const char *section, const char *prefix, const int *fds);
/* The same for other hooks; `flags` are those of BPF_PROG_LOAD. */
int load_program_for(enum bpf_prog_type type, uint32_t flags, const struct object *object, const char *section,
                     const char *prefix, const int *fds);

#endif
