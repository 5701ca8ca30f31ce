// The door for objects of Kubernetes: what people write may be one of theirs. Apart from resource.ts, so that agents, which read
// records only, don't carry it along.

import type * as v from 'valibot'
import { parseWith } from '../resource.ts'
import { clusterNetworkPolicy, clusterNetworkPolicyVersion } from './cluster-network-policy.ts'
import { networkPolicy, networkPolicyVersion } from './network-policy.ts'

/** By apiVersion. */
const translations: Readonly<Record<string, v.GenericSchema<unknown, object>>> = {
  [networkPolicyVersion]: networkPolicy,
  [clusterNetworkPolicyVersion]: clusterNetworkPolicy,
}

/** A resource of ours that means the same, still to be parsed; anything else as it came. Throws `invalid` with the field. */
export function translate(input: unknown): unknown {
  const version = typeof input === 'object' && input !== null && 'apiVersion' in input ? input.apiVersion : undefined
  const schema = typeof version === 'string' && Object.hasOwn(translations, version) ? translations[version] : undefined
  return schema === undefined ? input : parseWith(schema, input)
}
