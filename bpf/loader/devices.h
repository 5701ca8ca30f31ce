/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The devices of this network namespace, and what their drivers say they can do for XDP. */
#ifndef HOLDFAST_DEVICES_H
#define HOLDFAST_DEVICES_H

#include <net/if.h>
#include <stdint.h>

struct device {
  uint32_t index;
  char name[IF_NAMESIZE];
  uint8_t is_ether;    /* its link header is Ethernet's */
  uint8_t is_veth;     /* what it takes is up to its other end, and nothing that is done here changes that */
  uint8_t has_xdp;     /* somebody's program hangs there */
  uint8_t is_known;    /* the kernel says what follows, as 6.3 and later do */
  uint8_t runs_xdp;    /* in the driver, redirects among what it may answer */
  uint8_t takes_frames; /* sends what is redirected to it, now */
};

/* As many as there is room for; returns how many. */
unsigned read_devices(struct device *devices, unsigned room);

#endif
