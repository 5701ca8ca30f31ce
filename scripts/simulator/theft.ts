// The last act of a run under a membership lock: somebody has the hub, with its keys and its database, and adds a device of
// their own. Nobody may have it as a peer, and everybody must say so.

import type { Actor } from '../../cloud/audit.ts'
import type { Hub } from '../../cloud/hub.ts'
import { proposeFirst, signBundle } from '../../cloud/lock/signing.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { lockKeyOf, lockSigner } from '../../shared/host/lock-keys.fake.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { tokenSpec } from '../../shared/intent/token.ts'
import { type Device, enrol } from './device.ts'
import type { SimNode } from './sim-node.ts'

const actor: Actor = { name: 'people', role: 'admin' }

/** Two people put a lock on the network and sign for everybody who is there. */
export function lockNetwork(hub: Hub): void {
  const { members, network } = hub.lockView('default')
  const proposal = proposeFirst(network.id, [lockKeyOf(1), lockKeyOf(2)], 2, 1)
  const list = members.map(({ member, signatures }) => ({ member, signatures: [...signatures] }))
  const signed = [lockSigner(1), lockSigner(2)].reduce((bundle, signer) => signBundle(bundle, signer, 'all', sha256), {
    network,
    proposal,
    members: list,
  } as Parameters<typeof signBundle>[0])
  hub.signMembers('default', signed, false, actor)
}

/** `hub` has forgotten the lock; it takes in whomever its thief likes. */
export async function addIntruder(hub: Hub | undefined, intruder: Device): Promise<void> {
  if (hub === undefined) throw new HoldfastError('failed', 'the stolen hub does not run')
  const { token } = hub.createToken(parseWith(tokenSpec, {}), actor)
  await enrol(hub, token, intruder)
}

/** What is wrong, once everybody has heard of the intruder: a sentence each. */
export function theftBreaches(nodes: readonly SimNode[], intruder: Device): readonly string[] {
  return nodes.flatMap((node) => {
    const { name } = node.device
    const status = node.agent()?.status()
    const peers = node.kernel.observe().device?.peers ?? []
    const found: string[] = []
    if (peers.some(({ wgKey }) => wgKey === intruder.wgKey)) found.push(`${name}: talks to whom a stolen hub added`)
    if (status?.membershipLock?.leftOut.some((left) => left === intruder.name) !== true)
      found.push(`${name}: does not say that somebody is left out: ${JSON.stringify(status?.membershipLock)}`)
    if (status?.health.some(({ code }) => code === 'lock-refused') !== true)
      found.push(`${name}: does not say that the lock is gone`)
    return found
  })
}
