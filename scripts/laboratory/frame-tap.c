// Prints the frames that come in at a device, one a line: how long it is, and how it begins, in hexadecimal digits.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>

enum { SHOWN = 96, ROOM = 64 << 20 };

int main(int argc, char **argv) {
  unsigned char frame[SHOWN];
  int door = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), room = ROOM;
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  at.sll_ifindex = argc > 1 ? if_nametoindex(argv[1]) : 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsockopt(door, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (!at.sll_ifindex || bind(door, (void *)&at, sizeof at)) return perror("bind"), 1;
  struct packet_mreq all = {.mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
  setsockopt(door, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all);
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct sockaddr_ll from;
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(door, frame, sizeof frame, MSG_TRUNC, (void *)&from, &size);
    if (length < 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
    printf("%zd ", length);
    for (ssize_t i = 0; i < length && i < SHOWN; i++) printf("%02x", frame[i]);
    putchar('\n');
    fflush(stdout);
  }
}
