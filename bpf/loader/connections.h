/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The kernel's table of connections (ctnetlink), from which flows are taken over and to which they are handed. */
#ifndef HOLDFAST_CONNECTIONS_H
#define HOLDFAST_CONNECTIONS_H

#include "abi.h"

/* One direction of a connection, as its packets have it. ICMP's identifier is the port of who asks; its protocol is IPv4's. */
struct tuple {
  struct hf_address source, destination;
  __be16 source_port, destination_port;
  __u8 protocol;
};

/* Calls back with what the opener sends and what is answered, which address translation makes differ in more than direction. */
void each_connection(void (*one)(const struct tuple *opener, const struct tuple *answer));

/* Tracks a connection that was answered, if nothing tracks it yet. */
void track(const struct tuple *opener);

/* Tracks it no more. */
void forget(const struct tuple *opener);

#endif
