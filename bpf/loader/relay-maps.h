/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the parts of the relay's loader have in common. */
#ifndef HOLDFAST_RELAY_MAPS_H
#define HOLDFAST_RELAY_MAPS_H

#include "abi.h"
#include "kernel.h"

#define RELAY_PREFIX "hf_relay_"

enum { RELAY_ENDS, RELAY_ETHERS, RELAY_SETTINGS, RELAY_TOTAL, RELAY_MAPS };
extern struct map relay_maps[RELAY_MAPS];

/*
 * Devices come and go: those that are not in the map yet are no worse off than before. `is_anew`: those that refused frames
 * may have them again.
 */
void note_ethers(int fd, int is_anew);

#endif
