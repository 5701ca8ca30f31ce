// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// Devices by rtnetlink, what they can by the generic netlink family "netdev".
#include "devices.h"

#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attribute.h"
#include "kernel.h"

/* A device with many virtual functions says much of itself. */
enum { ANSWER_ROOM = 1 << 18 };
/* Of linux/netdev.h, which headers before 6.3 have not. */
enum { DEV_GET = 1, DEV_IFINDEX = 1, DEV_XDP_FEATURES = 3, BASIC = 1, REDIRECT = 2, NDO_XMIT = 4 };

struct list {
  struct device *devices;
  unsigned count, room;
};

static struct device *find_device(const struct list *list, uint32_t index) {
  for (unsigned i = 0; i < list->count; i++)
    if (list->devices[i].index == index) return &list->devices[i];
  return NULL;
}

static void read_link(const struct nlmsghdr *message, void *to) {
  struct list *list = to;
  const struct ifinfomsg *link = NLMSG_DATA(message);
  const char *from = (const char *)link + NLMSG_ALIGN(sizeof *link);
  const size_t size = message->nlmsg_len - NLMSG_LENGTH(sizeof *link);
  struct device device = {.index = link->ifi_index, .is_ether = link->ifi_type == ARPHRD_ETHER};
  const struct nlattr *name = find(from, size, IFLA_IFNAME);
  char kind[sizeof "veth"] = "";
  if (!name || list->count == list->room) return;
  snprintf(device.name, sizeof device.name, "%.*s", (int)(name->nla_len - sizeof *name), (const char *)(name + 1));
  copy(inside(find(from, size, IFLA_LINKINFO), IFLA_INFO_KIND), kind, sizeof kind);
  device.is_veth = memcmp(kind, "veth", sizeof kind) == 0;
  copy(inside(find(from, size, IFLA_XDP), IFLA_XDP_ATTACHED), &device.has_xdp, 1);
  list->devices[list->count++] = device;
}

static void read_family(const struct nlmsghdr *message, void *to) {
  copy(find((const char *)NLMSG_DATA(message) + GENL_HDRLEN, message->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN), CTRL_ATTR_FAMILY_ID),
       to, sizeof(uint16_t));
}

static void read_features(const struct nlmsghdr *message, void *to) {
  const char *from = (const char *)NLMSG_DATA(message) + GENL_HDRLEN;
  const size_t size = message->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
  uint32_t index;
  uint64_t features;
  if (!copy(find(from, size, DEV_IFINDEX), &index, sizeof index)) return;
  if (!copy(find(from, size, DEV_XDP_FEATURES), &features, sizeof features)) return;
  struct device *device = find_device(to, index);
  if (!device) return;
  device->is_known = 1;
  device->runs_xdp = (features & (BASIC | REDIRECT)) == (BASIC | REDIRECT);
  device->takes_frames = (features & NDO_XMIT) != 0;
}

/* Calls back for each message of the answer; an answer of one message asks for NLM_F_ACK. */
static void ask(int protocol, void *request, uint16_t type, uint16_t flags, size_t length,
                void (*one)(const struct nlmsghdr *message, void *to), void *to) {
  static char room[ANSWER_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
  *(struct nlmsghdr *)request = (struct nlmsghdr){.nlmsg_len = length, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags};
  int door = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), more = 1;
  if (door < 0 || send(door, request, length, 0) < 0) fail("devices");
  while (more) {
    ssize_t size = recv(door, room, sizeof room, 0);
    if (size <= 0) fail("devices");
    for (const struct nlmsghdr *at = (void *)room; more && NLMSG_OK(at, size); at = NLMSG_NEXT(at, size)) {
      more = at->nlmsg_type != NLMSG_DONE && at->nlmsg_type != NLMSG_ERROR;
      if (more) one(at, to);
    }
  }
  close(door);
}

unsigned read_devices(struct device *devices, unsigned room) {
  struct list list = {devices, 0, room};
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
  } links = {0};
  ask(NETLINK_ROUTE, &links, RTM_GETLINK, NLM_F_DUMP, sizeof links, read_link, &list);
  struct {
    struct nlmsghdr head;
    struct genlmsghdr what;
    struct nlattr attribute;
    char name[8];
  } family = {.what = {.cmd = CTRL_CMD_GETFAMILY, .version = 1},
              .attribute = {sizeof family.attribute + sizeof "netdev", CTRL_ATTR_FAMILY_NAME},
              .name = "netdev"};
  uint16_t id = 0;
  ask(NETLINK_GENERIC, &family, GENL_ID_CTRL, NLM_F_ACK, sizeof family, read_family, &id);
  if (!id) return list.count;
  struct {
    struct nlmsghdr head;
    struct genlmsghdr what;
  } features = {.what = {.cmd = DEV_GET, .version = 1}};
  ask(NETLINK_GENERIC, &features, id, NLM_F_DUMP, sizeof features, read_features, &list);
  return list.count;
}
