/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What loads policy and what tells of it have in common. */
#ifndef HOLDFAST_POLICY_H
#define HOLDFAST_POLICY_H

#include "abi.h"
#include "object.h"

#define POLICY_PREFIX "hf_policy_"
#define POLICY_PINS POLICY_PREFIX HF_POLICY_ABI

/* Those behind SETTINGS came later: who adopts makes them where they lack. */
enum { TABLES, FLOWS, FRAGMENTS, RULES, SETTINGS, DENIED, POLICY_MAPS };
extern struct map policy_maps[POLICY_MAPS];
extern const struct object policy_programs;

/* Of the pinned map, for as long as this process lives. */
struct hf_rule *rules_memory(void);
struct hf_policy_settings *settings_memory(void);

#endif
