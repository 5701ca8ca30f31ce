// TCP connections at more a second than a script can open. Each is opened and reset, so that no port waits.
//
//   connect-load serve PORT                        takes them at every address, until it is ended; prints `serving` first
//   connect-load open ADDRESS PORT SECONDS         one after the other, as fast as it goes; prints how many a second
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct linger AT_ONCE = {1, 0};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int fail(const char *what) {
  perror(what);
  return 1;
}

static int serve(int port) {
  struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  int door = socket(AF_INET6, SOCK_STREAM, 0), yes = 1;
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, 4096)) return fail("listen");
  puts("serving");
  fflush(stdout);
  for (;;) {
    int one = accept(door, 0, 0);
    if (one >= 0) close(one);
  }
}

static int open_many(const char *address, int port, double seconds) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) return fail(address);
  double began = now();
  long opened = 0;
  while (now() - began < seconds) {
    int one = socket(AF_INET, SOCK_STREAM, 0);
    if (one < 0 || connect(one, (struct sockaddr *)&to, sizeof to)) return fail("connect");
    setsockopt(one, SOL_SOCKET, SO_LINGER, &AT_ONCE, sizeof AT_ONCE);
    close(one);
    opened++;
  }
  printf("%.0f\n", opened / (now() - began));
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve(atoi(argv[2]));
  if (argc == 5 && strcmp(argv[1], "open") == 0) return open_many(argv[2], atoi(argv[3]), atof(argv[4]));
  fputs("connect-load serve PORT | open ADDRESS PORT SECONDS\n", stderr);
  return 2;
}
