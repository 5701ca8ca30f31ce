// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
// holdfast-bpf: puts programs and maps into the kernel, pinned, so that they outlive every process; changes the maps, and tells
// what they hold. One static file without libraries: a device needs no compiler, no libbpf and no BTF.
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel.h"
#include "verbs.h"

static const struct verb {
  const char *kind, *name;
  int words;
  void (*run)(char **words);
  const char *usage, *description;
} verbs[] = {
    {"relay", "probe", 0, relay_probe, "", "exits with 0 if this kernel takes the programs, else says why not"},
    {"relay", "load", 3, relay_load, "ENDS SESSION TOTAL", "rates in bytes per second; prints the directory of the pins"},
    {"relay", "change", 0, relay_change, "",
     "reads lines `- SOURCE PORT LOCAL SESSION-PORT` and `+ SOURCE PORT LOCAL SESSION-PORT TO PORT FROM`"},
    {"relay", "list", 0, relay_list, "", "prints lines as of `+`, then packets, bytes, dropped"},
    {"relay", "hang", 0, relay_hang, "",
     "reads names of devices, for XDP at these and no others, where that is of use; prints lines as of `standing`"},
    {"relay", "standing", 0, relay_standing, "",
     "prints `DEVICE xdp`, or why not: unknown (before 6.3), no-driver, taken (by another program), no-frames (no way out takes "
     "them), vain (nor did it, with the program), refused (by the driver), free"},
    {"relay", "test", 1, relay_test, "DEVICE",
     "reads frames in hexadecimal digits, as if they came in there; prints `tc sends FRAME|drops|leaves`, and the same of `xdp`"},
    {"policy", "probe", 0, policy_probe, "", "as above; prints how programs are hung up: tcx or clsact"},
    {"policy", "start", 1, policy_start, "FLOWS", "maps and programs, or those that stand; prints the directory of the pins"},
    {"policy", "table", 0, policy_table, "", "reads a table and puts it in the place of the former; prints its generation"},
    {"policy", "look-on", 0, policy_look_on, "", "from now on nothing is dropped, and flows are remembered"},
    {"policy", "attach", 1, policy_attach, "DEVICE",
     "until the pins are removed; prints tcx, or clsact where `tc` has to do it; needs a table"},
    {"policy", "enforce", 0, policy_enforce, "",
     "ends that, once the connections that the kernel tracks are remembered, too; prints how many there were"},
    {"policy", "hand-over", 0, policy_hand_over, "",
     "lets the kernel track the flows that are remembered, for nft to know them; prints how many there were"},
    {"policy", "standing", 1, policy_standing, "DEVICE",
     "prints `GENERATION enforces|looks-on tcx|-|absent`: attached by tcx, not by it, or there is no such device"},
    {"policy", "rules", 0, policy_rules, "", "prints `COOKIE|REASON PACKETS BYTES AUDITED` of what counted something"},
    {"policy", "flows", 0, policy_flows, "",
     "prints `LOCAL PORT OTHER PORT PROTOCOL in|out COOKIE GENERATION PACKETS BYTES PACKETS BYTES IDLE-MS`"},
    {"policy", "counts", 0, policy_counts, "",
     "prints `m ID` of the map of flows, `t PACKETS BYTES` of all, `f ` and a flow as above, "
     "`d SOURCE DESTINATION PROTOCOL PORT COOKIE|REASON PACKETS BYTES` of what was dropped, and `t` once more"},
    {"policy", "test", 1, policy_test, "TIMES",
     "reads lines `in|out FRAME`, in hexadecimal digits, and asks so often of each; prints `accept|drop COOKIE|REASON NS`"},
    {"mirror", "pin", 0, mirror_pin, "", "the program that gives copies a link header, for `tc` to hang up; prints its pin"},
    {"connections", "end", 0, connections_end, "",
     "reads lines `VIRTUAL BACKEND`, and ends UDP that was opened to the one and led to the other; prints how many there were"},
    {"echo", "ask", 1, echo_ask, "DEVICE",
     "reads lines `ADDRESS ID SEQUENCE`, sends each there for a router to lead on, and prints those that come back"},
    {"namespace", "serve", 0, namespace_serve, "",
     "forwards here from now on; reads lines `ID udp|listen|connect ADDRESS PORT`, and hands a socket of this network namespace to "
     "the Node that started it"},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static int usage(void) {
  for (const struct verb *verb = verbs; verb < verbs + VERBS; verb++)
    fprintf(stderr, "%s %s %s\n    %s\n", verb->kind, verb->name, verb->usage, verb->description);
  fputs("Exit codes: 1 the kernel refused, 2 misuse, 3 nothing is pinned\n", stderr);
  return MISUSE;
}

int main(int argc, char **argv) {
  /* Before 5.11 maps count as locked memory of the user. */
  setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
  for (const struct verb *verb = verbs; argc > 2 && verb < verbs + VERBS; verb++) {
    if (argc - 3 != verb->words || strcmp(argv[1], verb->kind) != 0 || strcmp(argv[2], verb->name) != 0) continue;
    verb->run(argv + 3);
    return fflush(stdout) ? REFUSED : 0;
  }
  return usage();
}
