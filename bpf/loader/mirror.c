// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The program that gives copies of the mesh's packets a link header (mirror.bpf.c). It has no maps.
#include <stdio.h>

#include "object.h"
#include "verbs.h"

#define MIRROR_PREFIX "hf_mirror_"
/* Of the program's making: whatever hangs somewhere under another name is replaced. */
#define MIRROR_ABI "1"

EMBED(mirror_object, MIRROR_OBJECT);

static const struct object object = {mirror_object, NULL, 0};

void mirror_pin(char **words) {
  (void)words;
  use_pins(MIRROR_PREFIX MIRROR_ABI);
  make_pins();
  pin("frame", load_program(&object, "frame", MIRROR_PREFIX, NULL));
  puts(pin_path("frame"));
}
