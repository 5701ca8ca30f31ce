// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// At tc's egress of the device that copies of the mesh's packets go to: they come from a device without a link header, and who
// looks at Ethernet frames would read the first bytes of IP as addresses. Frames that have a header are left as they are.
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include "helpers.h"

/* As much as the least packet of IP has. */
enum { COMPARED = 20 };

/* The kernel says where it believes the link header and the network header to be; without the former, that is the same place. */
INLINE int has_header(struct __sk_buff *skb) {
  __u32 frame[COMPARED / 4], packet[COMPARED / 4];
  if (load_bytes(skb, 0, frame, sizeof frame)) return 1;
  if (load_bytes_relative(skb, 0, packet, sizeof packet, BPF_HDR_START_NET)) return 1;
  for (int w = 0; w < COMPARED / 4; w++)
    if (frame[w] != packet[w]) return 1;
  return 0;
}

SEC("frame") int mirror_frame(struct __sk_buff *skb) {
  if (skb->protocol != __builtin_bswap16(ETH_P_IP) && skb->protocol != __builtin_bswap16(ETH_P_IPV6)) return TC_ACT_UNSPEC;
  if (has_header(skb)) return TC_ACT_UNSPEC;
  /* Addresses of nobody's, administered locally: who reads listens to all, and no host takes such a frame for its own. */
  struct ethhdr ether = {
      .h_dest = {0x02, 'H', 'F', 0, 0, 2},
      .h_source = {0x02, 'H', 'F', 0, 0, 1},
      .h_proto = skb->protocol,
  };
  /* A copy that can't have one is of no use to whoever reads frames. */
  if (change_head(skb, ETH_HLEN, 0) || store_bytes(skb, 0, &ether, sizeof ether, 0)) return TC_ACT_SHOT;
  return TC_ACT_UNSPEC;
}

char licence[] SEC("license") = "GPL";
