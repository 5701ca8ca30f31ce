// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// The kernel's table of connections by ctnetlink, read and written. A kernel that tracks nothing has none, and that is no fault.
#include "connections.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "attribute.h"

enum { ANSWER_ROOM = 1 << 16, REQUEST_ROOM = 512, TIMEOUT_S = 300, ECHO_REQUEST = 8, ECHO_REPLY = 0 };
enum { ECHO6_REQUEST = 128, ECHO6_REPLY = 129 };

struct message {
  struct nlmsghdr head;
  struct nfgenmsg family;
  char rest[REQUEST_ROOM];
};

static int open_door(void) {
  static int door = -1;
  if (door < 0) door = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  return door;
}

static int read_end(const struct nlattr *ip, unsigned four, unsigned six, struct hf_address *to) {
  to->word[2] = htonl(0xffff);
  return copy(inside(ip, four), &to->word[3], sizeof to->word[3]) || copy(inside(ip, six), to, sizeof *to);
}

static int read_tuple(const struct nlattr *from, struct tuple *tuple) {
  const struct nlattr *ip = inside(from, CTA_TUPLE_IP), *protocol = inside(from, CTA_TUPLE_PROTO);
  *tuple = (struct tuple){0};
  if (!read_end(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &tuple->source) ||
      !read_end(ip, CTA_IP_V4_DST, CTA_IP_V6_DST, &tuple->destination) ||
      !copy(inside(protocol, CTA_PROTO_NUM), &tuple->protocol, 1))
    return 0;
  if (copy(inside(protocol, CTA_PROTO_ICMP_ID), &tuple->source_port, 2)) return 1;
  if (copy(inside(protocol, CTA_PROTO_ICMPV6_ID), &tuple->source_port, 2)) tuple->protocol = IPPROTO_ICMP;
  copy(inside(protocol, CTA_PROTO_SRC_PORT), &tuple->source_port, 2);
  copy(inside(protocol, CTA_PROTO_DST_PORT), &tuple->destination_port, 2);
  return 1;
}

void each_connection(void (*one)(const struct tuple *opener, const struct tuple *answer)) {
  static char room[ANSWER_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
  struct message ask = {
      .head = {.nlmsg_len = NLMSG_LENGTH(sizeof ask.family),
               .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
  };
  int door = open_door();
  if (door < 0 || send(door, &ask, ask.head.nlmsg_len, 0) < 0) return;
  for (;;) {
    ssize_t length = recv(door, room, sizeof room, 0);
    if (length <= 0) return;
    for (struct nlmsghdr *at = (void *)room; NLMSG_OK(at, length); at = NLMSG_NEXT(at, length)) {
      if (at->nlmsg_type == NLMSG_DONE || at->nlmsg_type == NLMSG_ERROR) return;
      const char *from = (const char *)NLMSG_DATA(at) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
      size_t size = at->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg));
      struct tuple opener, answer;
      if (read_tuple(find(from, size, CTA_TUPLE_ORIG), &opener) && read_tuple(find(from, size, CTA_TUPLE_REPLY), &answer))
        one(&opener, &answer);
    }
  }
}

static struct nlattr *begin(struct message *message, unsigned type) {
  struct nlattr *at = (void *)((char *)message + NLMSG_ALIGN(message->head.nlmsg_len));
  at->nla_type = type;
  at->nla_len = sizeof *at;
  message->head.nlmsg_len = (char *)(at + 1) - (char *)message;
  return at;
}

static void end(struct message *message, struct nlattr *at) {
  at->nla_len = (char *)message + message->head.nlmsg_len - (char *)at;
  message->head.nlmsg_len = NLMSG_ALIGN(message->head.nlmsg_len);
}

static void put(struct message *message, unsigned type, const void *value, size_t size) {
  struct nlattr *at = begin(message, type);
  memcpy(at + 1, value, size);
  message->head.nlmsg_len += size;
  end(message, at);
}

static void put_protocol(struct message *message, const struct tuple *tuple, int is_answer) {
  int four = is_ipv4(&tuple->source), asks = tuple->protocol == IPPROTO_ICMP;
  const __u8 number = asks && !four ? IPPROTO_ICMPV6 : tuple->protocol, code = 0;
  const __u8 type = four ? is_answer ? ECHO_REPLY : ECHO_REQUEST : is_answer ? ECHO6_REPLY : ECHO6_REQUEST;
  const __be16 id = is_answer ? tuple->destination_port : tuple->source_port;
  struct nlattr *protocol = begin(message, CTA_TUPLE_PROTO | NLA_F_NESTED);
  put(message, CTA_PROTO_NUM, &number, 1);
  if (asks) {
    put(message, four ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID, &id, 2);
    put(message, four ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, &type, 1);
    put(message, four ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE, &code, 1);
  } else {
    put(message, CTA_PROTO_SRC_PORT, &tuple->source_port, 2);
    put(message, CTA_PROTO_DST_PORT, &tuple->destination_port, 2);
  }
  end(message, protocol);
}

static void put_tuple(struct message *message, unsigned type, const struct tuple *tuple, int is_answer) {
  int four = is_ipv4(&tuple->source);
  size_t from = four ? 3 : 0, size = four ? 4 : 16;
  struct nlattr *outer = begin(message, type | NLA_F_NESTED), *ip = begin(message, CTA_TUPLE_IP | NLA_F_NESTED);
  put(message, four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, &tuple->source.word[from], size);
  put(message, four ? CTA_IP_V4_DST : CTA_IP_V6_DST, &tuple->destination.word[from], size);
  end(message, ip);
  put_protocol(message, tuple, is_answer);
  end(message, outer);
}

/* In the middle of a connection nobody knows its windows, so they are not looked at; and those of a connection that is in the
   table already may be as old as the last rule that made the kernel track. */
static void put_state(struct message *message) {
  const __u8 established = TCP_CONNTRACK_ESTABLISHED;
  const struct nf_ct_tcp_flags liberal = {IP_CT_TCP_FLAG_BE_LIBERAL, IP_CT_TCP_FLAG_BE_LIBERAL};
  struct nlattr *outer = begin(message, CTA_PROTOINFO | NLA_F_NESTED);
  struct nlattr *tcp = begin(message, CTA_PROTOINFO_TCP | NLA_F_NESTED);
  put(message, CTA_PROTOINFO_TCP_STATE, &established, 1);
  put(message, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, &liberal, sizeof liberal);
  put(message, CTA_PROTOINFO_TCP_FLAGS_REPLY, &liberal, sizeof liberal);
  end(message, tcp);
  end(message, outer);
}

/* Whatever the kernel answers: what it knows otherwise, or no more, is no fault. */
static void say(const struct message *tell) {
  char heard[REQUEST_ROOM];
  int door = open_door();
  if (door >= 0 && send(door, tell, tell->head.nlmsg_len, 0) >= 0) recv(door, heard, sizeof heard, 0);
}

void track(const struct tuple *opener) {
  const struct tuple answer = {opener->destination, opener->source, opener->destination_port, opener->source_port,
                               opener->protocol};
  const __u32 status = htonl(IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED), timeout = htonl(TIMEOUT_S);
  struct message tell = {
      .head = {.nlmsg_len = NLMSG_LENGTH(sizeof tell.family),
               .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK},
      .family = {.nfgen_family = is_ipv4(&opener->source) ? AF_INET : AF_INET6},
  };
  put_tuple(&tell, CTA_TUPLE_ORIG, opener, 0);
  put_tuple(&tell, CTA_TUPLE_REPLY, &answer, 1);
  put(&tell, CTA_STATUS, &status, sizeof status);
  put(&tell, CTA_TIMEOUT, &timeout, sizeof timeout);
  if (opener->protocol == IPPROTO_TCP) put_state(&tell);
  say(&tell);
}

void forget(const struct tuple *opener) {
  struct message tell = {
      .head = {.nlmsg_len = NLMSG_LENGTH(sizeof tell.family),
               .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
               .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
      .family = {.nfgen_family = is_ipv4(&opener->source) ? AF_INET : AF_INET6},
  };
  put_tuple(&tell, CTA_TUPLE_ORIG, opener, 0);
  say(&tell);
}
