// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Policy at the mesh interface, at both hooks of tc. Who may open a flow is looked up in the table that the compiler made
// (shared/policy/table.ts); what belongs to a flow passes with it, in either direction, for as long as the table says so.
//
// What no table can close: errors about what it lets pass and neighbours keep paths alive, words of agents keep nodes alive.
// What can't be read is dropped. No kernel structure is read, and no function of the kernel is called that 5.10 lacks.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>

#include "abi.h"
#include "helpers.h"
#include "packet.h"

#define SECOND_NS 1000000000ull

/* The loader makes the maps by these names (bpf/loader/policy.c). */
struct map {
  __u32 unused;
};
struct map tables SEC("maps");
struct map flows SEC("maps");
struct map fragments SEC("maps");
struct map rules SEC("maps");
struct map denied SEC("maps");
/* Of one element, which code reads without looking it up. */
struct hf_policy_settings policy_settings SEC("maps");

/*
 * How long nothing may pass before a flow is forgotten. TCP: RFC 5382 REQ-5, longer than its keepalive; UDP: RFC 4787 REQ-5;
 * ICMP: RFC 5508 REQ-2. What is closed from both sides gets the time that Linux waits for stray segments.
 */
#define TCP_NS (7440 * SECOND_NS)
#define CLOSED_NS (60 * SECOND_NS)
#define UDP_NS (300 * SECOND_NS)
#define ICMP_NS (60 * SECOND_NS)
#define OTHER_NS (600 * SECOND_NS)
/* RFC 8200 4.5, and Linux by default for IPv4 half of it. */
#define REASSEMBLY_NS (60 * SECOND_NS)

/* What a protocol is in the table: 0 where no rule can name it. */
INLINE __u8 known_protocol(__u8 protocol) {
  return has_ports(protocol) ? protocol : 0;
}

/* What the table says of who opens a flow; the index of the rule, with ACCEPTED if it may be. */
#define ACCEPTED (1ull << 32)
INLINE __u64 judge(const struct hf_flow_key *flow, __u8 direction) {
  __u32 first = 0;
  void *table = map_lookup(&tables, &first);
  if (!table) return HF_CLOSED;
  struct hf_table_key key = {
      .bits = HF_ADDRESS_BITS, .kind = HF_LOCAL, .family = is_ipv4(&flow->local) ? 4 : 6, .at.address = flow->local};
  const struct hf_table_value *local = map_lookup(table, &key);
  if (!local || (direction == HF_EGRESS && local->flags & HF_MASKED)) return HF_NOBODY;
  key.kind = HF_ADDRESS;
  key.family = is_ipv4(&flow->other) ? 4 : 6;
  key.at.address = flow->other;
  const struct hf_table_value *other = map_lookup(table, &key);
  __u8 protocol = known_protocol(flow->protocol);
  __be16 port = protocol == IPPROTO_ICMP ? 0 : direction == HF_INGRESS ? flow->local_port : flow->other_port;
  int are_nodes = local->flags & HF_NODE && other && other->flags & HF_NODE;
  if (are_nodes && port == policy_settings.mesh_port && (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP))
    return ACCEPTED | HF_AGENT;

  __u32 identity = other ? other->number : 0;
  key = (struct hf_table_key){
      .bits = HF_PORT_BITS, .kind = HF_ENTRY, .direction = direction, .at.of = {.local = local->number, .port = port}};
  const struct hf_table_value *entry = 0;
  /* Of this identity before all, and there of this protocol before all. */
#pragma unroll
  for (int i = 0; i < 4; i++) {
    if (entry || (i < 2 && !identity) || (!(i & 1) && !protocol)) continue;
    key.at.of.identity = i < 2 ? identity : 0;
    key.protocol = i & 1 ? 0 : protocol;
    entry = map_lookup(table, &key);
  }
  if (!entry) return HF_UNDECIDED;
  if (entry->audited) {
    __u32 at = entry->audited;
    struct hf_rule *audited = map_lookup(&rules, &at);
    if (audited) __sync_fetch_and_add(&audited->audited, 1);
  }
  return (entry->accept ? ACCEPTED : 0) | entry->number;
}

INLINE __u32 segments(const struct __sk_buff *skb) { return skb->gso_segs ? skb->gso_segs : 1; }

INLINE void count(struct __sk_buff *skb, const struct packet *packet, __u32 index) {
  struct hf_rule *rule = map_lookup(&rules, &index);
  if (!rule) return;
  __sync_fetch_and_add(&rule->packets, segments(skb));
  __sync_fetch_and_add(&rule->bytes, packet->bytes);
}

INLINE void count_denied(struct __sk_buff *skb, const struct packet *packet, __u8 direction, __u32 rule) {
  /* Of what can't be read nobody knows whose it was. */
  if (rule == HF_FOREIGN || rule == HF_TRUNCATED || rule == HF_HEADERS) return;
  const struct hf_denied_key key = {
      .source = packet->source,
      .destination = packet->destination,
      .rule = rule,
      .port = packet->destination_port,
      .protocol = packet->protocol,
      .direction = direction,
  };
  const struct hf_denied first = {.packets = segments(skb), .bytes = packet->bytes};
  struct hf_denied *held = map_lookup(&denied, &key);
  /* Another processor may have been first. */
  if (!held && map_update(&denied, &key, &first, BPF_NOEXIST)) held = map_lookup(&denied, &key);
  if (!held) return;
  __sync_fetch_and_add(&held->packets, first.packets);
  __sync_fetch_and_add(&held->bytes, first.bytes);
}

INLINE void count_flow(struct __sk_buff *skb, const struct packet *packet, struct hf_flow *flow, __u8 direction, __u64 now) {
  __u32 n = segments(skb);
  if (flow->direction == direction) {
    __sync_fetch_and_add(&flow->packets[0], n);
    __sync_fetch_and_add(&flow->bytes[0], packet->bytes);
  } else {
    __sync_fetch_and_add(&flow->packets[1], n);
    __sync_fetch_and_add(&flow->bytes[1], packet->bytes);
  }
  *(volatile __u64 *)&flow->last_ns = now;
}

/* Two processors may lose each other's flag; the flow then lives on until it is idle. */
INLINE void note_end(struct hf_flow *flow, const struct packet *packet, __u8 direction) {
  __u8 flags = flow->flags;
  if (packet->role == OPENS) flags = 0;
  if (packet->tcp & RST) flags |= HF_RESET;
  if (packet->tcp & FIN) flags |= flow->direction == direction ? HF_FIN_OPENER : HF_FIN_ANSWER;
  if (flags != flow->flags) flow->flags = flags;
}

INLINE __u64 patience_ns(const struct hf_flow *flow, __u8 protocol) {
  const __u8 both = HF_FIN_OPENER | HF_FIN_ANSWER;
  switch (protocol) {
    case IPPROTO_TCP:
      return flow->flags & HF_RESET || (flow->flags & both) == both ? CLOSED_NS : TCP_NS;
    case IPPROTO_UDP:
      return UDP_NS;
    case IPPROTO_ICMP:
      return ICMP_NS;
    default:
      return OTHER_NS;
  }
}

/* The flow that this packet belongs to: not one that is long over, nor one whose other end opens one of its own. */
INLINE struct hf_flow *flow_of(const struct hf_flow_key *key, const struct packet *packet, __u8 direction, __u64 now) {
  struct hf_flow *flow = map_lookup(&flows, key);
  if (!flow || (packet->role == OPENS && flow->direction != direction)) return 0;
  __u64 last = *(volatile __u64 *)&flow->last_ns;
  return now > last && now - last > patience_ns(flow, key->protocol) ? 0 : flow;
}

INLINE int is_same(const struct hf_address *a, const struct hf_address *b) {
  return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] && a->word[3] == b->word[3];
}

INLINE struct hf_flow_key key_of(const struct packet *packet, __u8 direction) {
  int comes = direction == HF_INGRESS;
  return (struct hf_flow_key){
      .local = comes ? packet->destination : packet->source,
      .other = comes ? packet->source : packet->destination,
      .local_port = comes ? packet->destination_port : packet->source_port,
      .other_port = comes ? packet->source_port : packet->destination_port,
      .protocol = packet->protocol,
  };
}

/* An error passes to whom the packet came from that it quotes, if that one may pass the other way. */
INLINE __u64 decide_error(struct __sk_buff *skb, const struct packet *error, __u8 direction) {
  struct packet quoted = {};
  int fault = read_quoted(skb, error, &quoted);
  if (fault) return fault;
  if (!is_same(&quoted.source, &error->destination)) return HF_UNASKED;
  if (quoted.role == CONTROL) return ACCEPTED | HF_CONTROL;
  const __u8 other_way = direction == HF_INGRESS ? HF_EGRESS : HF_INGRESS;
  const struct hf_flow_key key = key_of(&quoted, other_way);
  const struct hf_flow *flow = map_lookup(&flows, &key);
  if (!flow && quoted.role == ANSWERS) return HF_UNASKED;
  return judge(&key, flow ? flow->direction : other_way) & ACCEPTED ? ACCEPTED | HF_CONTROL : HF_UNASKED;
}

/* What becomes of a packet that has ports, or needs none. */
INLINE __u64 decide(struct __sk_buff *skb, const struct packet *packet, const struct hf_flow_key *key, __u8 direction,
                    __u64 now) {
  if (packet->role == CONTROL) return ACCEPTED | HF_CONTROL;
  if (packet->role == ERROR) return decide_error(skb, packet, direction);
  __u64 generation = *(volatile __u32 *)&policy_settings.generation, decision = 0;
  struct hf_flow *flow = packet->role == ALONE ? 0 : flow_of(key, packet, direction, now);
  if (!flow && packet->role == ANSWERS) return HF_UNASKED;
  if (flow) decision = *(volatile __u64 *)&flow->decided;
  if (!flow || decision >> 32 != generation) {
    /* Of a flow that runs already, too, it is the opener who is judged. */
    decision = judge(key, flow ? flow->direction : direction);
    if (!(decision & ACCEPTED)) {
      if (flow) map_delete(&flows, key);
      return decision;
    }
    if (flow) *(volatile __u64 *)&flow->decided = generation << 32 | (__u32)decision;
  }
  if (flow) {
    if (packet->tcp) note_end(flow, packet, direction);
    count_flow(skb, packet, flow, direction, now);
  } else if (packet->role != ALONE) {
    struct hf_flow opened = {
        .decided = generation << 32 | (__u32)decision,
        .last_ns = now,
        .packets = {segments(skb)},
        .bytes = {packet->bytes},
        .direction = direction,
    };
    if (map_update(&flows, key, &opened, BPF_ANY)) count(skb, packet, HF_UNTRACKED);
  }
  return ACCEPTED | (__u32)decision;
}

INLINE struct hf_fragment_key fragment_key(const struct packet *packet, __u8 direction) {
  return (struct hf_fragment_key){
      .source = packet->source,
      .destination = packet->destination,
      .id = packet->fragment_id,
      .protocol = packet->is_ipv4 ? packet->protocol : 0,
      .direction = direction,
  };
}

/* Says to the fragments behind the first what became of it. */
INLINE __u64 begin_fragments(const struct packet *packet, const struct hf_flow_key *key, __u8 direction, __u64 now,
                             __u64 decision) {
  struct hf_fragment_key of = fragment_key(packet, direction);
  struct hf_fragment begun = {
      .until_ns = now + REASSEMBLY_NS,
      .rule = decision,
      .local_port = key->local_port,
      .other_port = key->other_port,
      .protocol = key->protocol,
  };
  if (!(decision & ACCEPTED)) map_delete(&fragments, &of);
  else if (map_update(&fragments, &of, &begun, BPF_ANY)) return HF_FRAGMENT;
  return decision;
}

/* They have no ports. */
INLINE __u64 follow_fragments(struct __sk_buff *skb, const struct packet *packet, struct hf_flow_key *key, __u8 direction,
                              __u64 now) {
  struct hf_fragment_key of = fragment_key(packet, direction);
  const struct hf_fragment *begun = map_lookup(&fragments, &of);
  if (!begun || now > begun->until_ns) return HF_FRAGMENT;
  key->protocol = begun->protocol;
  key->local_port = begun->local_port;
  key->other_port = begun->other_port;
  struct hf_flow *flow = map_lookup(&flows, key);
  if (flow) count_flow(skb, packet, flow, direction, now);
  return ACCEPTED | begun->rule;
}

INLINE __u64 decide_frame(struct __sk_buff *skb, __u32 l2, __u8 direction, struct packet *packet) {
  int fault = read_packet(skb, l2, packet);
  if (fault) return fault;
  struct hf_flow_key key = key_of(packet, direction);
  __u64 now = ktime_coarse_ns();
  if (packet->fragment == LATER) return follow_fragments(skb, packet, &key, direction, now);
  __u64 decision = decide(skb, packet, &key, direction, now);
  return packet->fragment == FIRST ? begin_fragments(packet, &key, direction, now, decision) : decision;
}

/* What passes goes on to whatever else hangs there. */
INLINE int filter(struct __sk_buff *skb, __u32 l2, __u8 direction) {
  struct packet packet = {.bytes = skb->len - l2};
  __u64 decision = decide_frame(skb, l2, direction, &packet);
  count(skb, &packet, decision);
  /* Frames with a link header come from tests alone, which want to know by which rule. */
  if (l2) skb->cb[0] = decision;
  if (decision & ACCEPTED || *(volatile __u16 *)&policy_settings.looks_on) return TC_ACT_UNSPEC;
  count_denied(skb, &packet, direction, decision);
  return TC_ACT_SHOT;
}

/* WireGuard's devices have no link header. */
SEC("in") int policy_in(struct __sk_buff *skb) { return filter(skb, 0, HF_INGRESS); }
SEC("out") int policy_out(struct __sk_buff *skb) { return filter(skb, 0, HF_EGRESS); }

/* The same for BPF_PROG_TEST_RUN, whose frames always have one. */
SEC("in_ether") int policy_in_ether(struct __sk_buff *skb) { return filter(skb, ETH_HLEN, HF_INGRESS); }
SEC("out_ether") int policy_out_ether(struct __sk_buff *skb) { return filter(skb, ETH_HLEN, HF_EGRESS); }

char licence[] SEC("license") = "GPL";
