// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// From the sections of an object file to programs in the kernel: maps are put in where the code names them. No BTF, no libbpf.
#include "object.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { INSTRUCTIONS_MAX = 4096, LOG_ROOM = 1 << 18, LOG_SHOWN = 300 };

static const Elf64_Shdr *headers(const uint8_t *elf) { return (const void *)(elf + ((const Elf64_Ehdr *)elf)->e_shoff); }

static const void *body(const uint8_t *elf, int section) { return elf + headers(elf)[section].sh_offset; }

static int find_section(const uint8_t *elf, uint32_t type, const char *name) {
  const Elf64_Ehdr *header = (const void *)elf;
  const char *names = body(elf, header->e_shstrndx);
  for (int i = 1; i < header->e_shnum; i++)
    if (headers(elf)[i].sh_type == type && (!name || strcmp(names + headers(elf)[i].sh_name, name) == 0)) return i;
  misuse(name ? name : "the object");
}

static int find_map(const struct object *object, const char *name) {
  for (int m = 0; m < object->map_count; m++)
    if (strcmp(name, object->maps[m].name) == 0) return m;
  misuse(name);
}

/* Where the code names a map, its file descriptor; of an array that has a single element, that element. */
static void relocate(const struct object *object, struct bpf_insn *code, const char *section, const int *fds) {
  char name[32];
  if (!object->map_count) return;
  snprintf(name, sizeof name, ".rel%s", section);
  const uint8_t *elf = object->elf;
  int at = find_section(elf, SHT_REL, name), table = find_section(elf, SHT_SYMTAB, NULL);
  const Elf64_Rel *relocation = body(elf, at);
  const Elf64_Sym *symbols = body(elf, table);
  const char *words = body(elf, headers(elf)[table].sh_link);
  for (size_t i = 0; i < headers(elf)[at].sh_size / sizeof *relocation; i++) {
    struct bpf_insn *load = &code[relocation[i].r_offset / sizeof *code];
    int m = find_map(object, words + symbols[ELF64_R_SYM(relocation[i].r_info)].st_name);
    int is_element = object->maps[m].type == BPF_MAP_TYPE_ARRAY && object->maps[m].entries == 1;
    load[1].imm = is_element ? load->imm : 0;
    load->src_reg = is_element ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
    load->imm = fds[m];
  }
}

/* 5.10 has no coarse clock; the fine one costs a little more. */
static void without_coarse_clock(struct bpf_insn *code, size_t count) {
  for (struct bpf_insn *one = code; one < code + count; one++)
    if (one->code == (BPF_JMP | BPF_CALL) && one->imm == BPF_FUNC_ktime_get_coarse_ns) one->imm = BPF_FUNC_ktime_get_ns;
}

int load_program(const struct object *object, const char *section, const char *prefix, const int *fds) {
  return load_program_for(BPF_PROG_TYPE_SCHED_CLS, 0, object, section, prefix, fds);
}

int load_program_for(enum bpf_prog_type type, uint32_t flags, const struct object *object, const char *section,
                     const char *prefix, const int *fds) {
  static struct bpf_insn code[INSTRUCTIONS_MAX];
  static char log[LOG_ROOM];
  int at = find_section(object->elf, SHT_PROGBITS, section);
  size_t size = headers(object->elf)[at].sh_size;
  if (size > sizeof code) misuse(section);
  memcpy(code, body(object->elf, at), size);
  relocate(object, code, section, fds);
  union bpf_attr attr = {.prog_type = type,
                         .prog_flags = flags,
                         .insns = (uintptr_t)code,
                         .insn_cnt = size / sizeof *code,
                         .license = (uintptr_t)"GPL"};
  snprintf(attr.prog_name, sizeof attr.prog_name, "%.10s%.5s", prefix, section);
  int fd = bpf(BPF_PROG_LOAD, &attr);
  if (fd >= 0) return fd;
  without_coarse_clock(code, attr.insn_cnt);
  fd = bpf(BPF_PROG_LOAD, &attr);
  if (fd >= 0) return fd;
  int why = errno;
  /* The verifier's last words name the instruction that it did not like. */
  attr.log_level = 1, attr.log_buf = (uintptr_t)log, attr.log_size = sizeof log;
  bpf(BPF_PROG_LOAD, &attr);
  size_t length = strlen(log);
  fputs(log + (length > LOG_SHOWN ? length - LOG_SHOWN : 0), stderr);
  errno = why;
  fail("the kernel does not take the program");
}
