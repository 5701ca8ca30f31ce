// Asks one name server for addresses of n0 … n(COUNT-1).DOMAIN as fast as it answers, WINDOW questions at once: how many it
// answers in a second, and how long the slowest of a hundred takes. Prints "PER_SECOND P50_US P99_US".
//
// Usage: name-load ADDRESS PORT SECONDS WINDOW COUNT DOMAIN

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define ANSWERS_MAX 4000000
#define BYTES_MAX 1500

static double sent_at[65536];
static double took[ANSWERS_MAX];

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

static size_t question(uint8_t *out, uint16_t id, long number, const char *domain)
{
	char name[256];
	size_t at = 12;

	memset(out, 0, 12);
	out[0] = id >> 8;
	out[1] = id & 0xff;
	out[2] = 1; // recursion desired
	out[5] = 1; // one question
	snprintf(name, sizeof(name), "n%ld.%s", number, domain);
	for (char *label = strtok(name, "."); label; label = strtok(NULL, ".")) {
		size_t length = strlen(label);

		out[at++] = length;
		memcpy(out + at, label, length);
		at += length;
	}
	memcpy(out + at, "\0\0\1\0\1", 5); // the root, A, IN
	return at + 5;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: name-load ADDRESS PORT SECONDS WINDOW COUNT DOMAIN\n");
		return 2;
	}
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[2])) };
	double seconds = atof(argv[3]);
	long window = atol(argv[4]), count = atol(argv[5]), asked = 0, answered = 0;
	struct timeval patience = { .tv_usec = 200000 };
	uint8_t bytes[BYTES_MAX];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, argv[1], &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("connect");
		return 1;
	}
	double begun = now(), end = begun + seconds * 1e6;
	long open = 0;

	while (now() < end && answered < ANSWERS_MAX) {
		for (; open < window; open++) {
			uint16_t id = asked & 0xffff;

			sent_at[id] = now();
			send(fd, bytes, question(bytes, id, asked++ % count, argv[6]), 0);
		}
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		if (got < 12) { // those that are out were lost
			open = 0;
			continue;
		}
		if (bytes[7] == 0 || (bytes[3] & 0x0f)) {
			fprintf(stderr, "an answer without an address\n");
			return 1;
		}
		took[answered++] = now() - sent_at[bytes[0] << 8 | bytes[1]];
		open--;
	}
	double elapsed = (now() - begun) / 1e6;

	if (answered == 0) {
		fprintf(stderr, "nobody answers\n");
		return 1;
	}
	qsort(took, answered, sizeof(*took), by_size);
	printf("%.0f %.1f %.1f\n", answered / elapsed, took[answered / 2], took[answered * 99 / 100]);
	return 0;
}
