/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What main.c calls, by name and number of words. */
#ifndef HOLDFAST_VERBS_H
#define HOLDFAST_VERBS_H

void relay_probe(char **words);
void relay_load(char **words);
void relay_change(char **words);
void relay_list(char **words);
void relay_hang(char **words);
void relay_standing(char **words);
void relay_test(char **words);

void policy_probe(char **words);
void policy_start(char **words);
void policy_table(char **words);
void policy_attach(char **words);
void policy_look_on(char **words);
void policy_enforce(char **words);
void policy_hand_over(char **words);
void policy_standing(char **words);
void policy_rules(char **words);
void policy_flows(char **words);
void policy_counts(char **words);
void policy_test(char **words);

void mirror_pin(char **words);

void connections_end(char **words);

void echo_ask(char **words);

void namespace_serve(char **words);

#endif
