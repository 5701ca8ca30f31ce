// How a hub stands among its replicas, in a line for people.

import type { ReplicaStatus } from '../replica/keeping.ts'

export function replicaText({ generation, isSettled, leads, name }: ReplicaStatus): string {
  if (!leads) {
    return `${name} CAN’T SAY WHETHER IT LEADS: it does not reach the cluster’s API server. Nothing new is taken in; devices go on.`
  }
  const state = isSettled ? 'all of it is there' : 'a change is on its way there'
  return `${name} leads; its state in the cluster is at generation ${generation}, ${state}.`
}
