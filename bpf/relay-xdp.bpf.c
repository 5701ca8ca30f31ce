// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The same short cut before the kernel has made a packet of the frame, at XDP. It goes by what the program at tc remembers
// (relay.bpf.c), and knows no way of its own: whatever has none, it leaves to that program, and so one packet of each end every
// 16 ms. It can be missing, or be taken away at any time.

#include "relay.h"

/* What stands in the place of a sum that somebody's device was to make: that of the pseudo header. Nothing else tells, here.
   One whole sum of 65,536 looks like it; tc sends that as well. */
INLINE int is_unfinished(const struct udphdr *udp, __u64 addresses) {
  return udp->check == folded(addresses + big16(IPPROTO_UDP) + udp->len);
}

INLINE __u64 sum_of(const struct in6_addr *address) {
  const __be32 *word = address->s6_addr32;
  return (__u64)word[0] + word[1] + word[2] + word[3];
}

/* A sum of zero would say that there is none. */
INLINE void fix_udp_sum(struct udphdr *udp, __u64 change) {
  __u16 sum = ~folded((__u16)~udp->check + change);
  udp->check = sum ? sum : 0xffff;
}

/* Also that `here` is where the way's packets came to, and that its device takes frames: as far as was known since one refused. */
INLINE int recall_frame(const struct hf_relay_end *end, __u64 now, const struct asked *asked, const void *ether,
                        struct hf_relay_way *way) {
  __u64 here = *(const volatile __u64 *)&end->way.here;
  if (!recall(end, now, asked, way) || way->until_ns - HF_WAY_NS <= *(volatile __u64 *)&total.refused_ns) return 0;
  return here == (way->until_ns << HF_WAY_TAG_SHIFT | read_link(ether));
}

/* A frame that is in pieces is longer than what is seen of it here. */
INLINE int has_length(void *data, void *data_end, const struct udphdr *udp, __u32 headers, __u32 bytes) {
  return data + ETH_HLEN + bytes == data_end && big16(udp->len) + headers == bytes;
}

INLINE int forward4(struct xdp_md *frame, void *data, void *data_end) {
  struct head4 *head = data + ETH_HLEN;
  if ((void *)(head + 1) > data_end || !is_plain4(head)) return XDP_PASS;
  __u32 bytes = big16(head->ip.tot_len);
  if (!has_length(data, data_end, &head->udp, sizeof head->ip, bytes)) return XDP_PASS;
  if (is_unfinished(&head->udp, (__u64)head->ip.saddr + head->ip.daddr)) return XDP_PASS;
  struct hf_relay_key key = key4(head);
  struct hf_relay_end *end = map_lookup(&ends, &key);
  if (!end) return XDP_PASS;

  struct hf_relay_way way;
  __u64 now = ktime_coarse_ns();
  const struct asked asked = {frame->ingress_ifindex, kind4(head), bytes};
  if (!recall_frame(end, now, &asked, data, &way)) return XDP_PASS;
  if (!may_pass(end, now, 1, bytes)) return XDP_DROP;
  __u64 addresses = turn4(head, end, key.session_port);
  if (head->udp.check) fix_udp_sum(&head->udp, addresses + turned_ports(&key, end->to_port));
  write_ether(data, &way);
  return redirect((__u32)way.out, 0);
}

INLINE int forward6(struct xdp_md *frame, void *data, void *data_end) {
  struct head6 *head = data + ETH_HLEN;
  if ((void *)(head + 1) > data_end || !is_plain6(head)) return XDP_PASS;
  __u32 bytes = big16(head->ip.payload_len) + sizeof head->ip;
  if (!has_length(data, data_end, &head->udp, sizeof head->ip, bytes)) return XDP_PASS;
  if (is_unfinished(&head->udp, sum_of(&head->ip.saddr) + sum_of(&head->ip.daddr))) return XDP_PASS;
  struct hf_relay_key key = key6(head);
  struct hf_relay_end *end = map_lookup(&ends, &key);
  if (!end) return XDP_PASS;

  struct hf_relay_way way;
  __u64 now = ktime_coarse_ns();
  const struct asked asked = {frame->ingress_ifindex, kind6(head), bytes};
  if (!recall_frame(end, now, &asked, data, &way)) return XDP_PASS;
  if (!may_pass(end, now, 1, bytes)) return XDP_DROP;
  __u64 addresses = turn6(head, end, &key);
  fix_udp_sum(&head->udp, addresses + turned_ports(&key, end->to_port));
  write_ether(data, &way);
  return redirect((__u32)way.out, 0);
}

/* What is no IP, a VLAN's among it, has another type. */
SEC("xdp") int relay_xdp(struct xdp_md *frame) {
  void *data = (void *)(long)frame->data, *data_end = (void *)(long)frame->data_end;
  struct ethhdr *ether = data;
  if ((void *)(ether + 1) > data_end) return XDP_PASS;
  if (ether->h_proto == big16(ETH_P_IP)) return forward4(frame, data, data_end);
  if (ether->h_proto == big16(ETH_P_IPV6)) return forward6(frame, data, data_end);
  return XDP_PASS;
}

/*
 * At the tracepoint where the kernel says that it could not redirect a frame: no more frames for that device. An index is of one
 * network namespace, and others may have the same; what is theirs costs us no packet, only this way of sending it.
 */
SEC("refused") int relay_refused(struct bpf_raw_tracepoint_args *of) {
  __u32 device = of->args[6];
  __u32 *is = map_lookup(&ethers, &device);
  if (!is) return 0;
  *(volatile __u32 *)is = HF_ETHER | HF_REFUSED;
  *(volatile __u64 *)&total.refused_ns = ktime_coarse_ns();
  return 0;
}

char licence[] SEC("license") = "GPL";
