// A locked network that is renumbered, for tests: what people carry between hub and keys, and the steps as they are taken.

import * as assert from 'uvu/assert'
import { parseCidr } from '../../shared/address/cidr.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { lockKeyOf, lockSigner } from '../../shared/host/lock-keys.fake.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { renumberSteps } from '../../shared/intent/renumber-steps.ts'
import type { LockBundle, RenumberTo } from '../../shared/record/lock-bundle.ts'
import { createJudge } from '../../shared/record/member.ts'
import type { NodeBody } from '../../shared/record/record.ts'
import { admin, createWorld, device, recordOf, resource, type World } from '../hub-world.fake.ts'
import { proposeFirst, signBundle } from './signing.ts'

/** The only one of the world. */
export const network = 'default'
export const TO = { cidr: parseCidr('10.90.0.0/16'), cidr6: parseCidr('fd90:1:2::/64') }
export const noChange = { add: [], remove: [], revoke: [], pardon: [], threshold: undefined } as const
const seeds: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3 }

export const specOf = (at: World): NetworkSpec => at.hub.get('Network', network)?.resource.spec as NetworkSpec
export const bodyOf = (at: World, name: string): NodeBody => recordOf(at, `node/${name}`) as unknown as NodeBody
const members = (at: World): readonly string[] =>
  at.records().flatMap((id) => (id.startsWith('node/') ? [id.slice('node/'.length)] : []))

/** What the hub shows, as it is carried to who signs. */
export function bundle({ hub }: World, to?: RenumberTo, proposal?: LockBundle['proposal']): LockBundle {
  const { lock, members: list, network: of, renumber } = hub.lockView(network, to)
  return {
    network: of,
    ...(lock === undefined ? {} : { lock }),
    ...(proposal === undefined ? {} : { proposal }),
    ...(renumber === undefined ? {} : { renumber }),
    members: list.map(({ member, signatures }) => ({ member, signatures: [...signatures] })),
  }
}

/** By keys of those numbers. */
export const signed = (given: LockBundle, by: readonly number[], whom: 'all' | string[] = 'all'): LockBundle =>
  by.reduce((held, index) => signBundle(held, lockSigner(index), whom, sha256), given)

export function submit(at: World, given: LockBundle): void {
  at.hub.signMembers(network, given, false, admin)
}

/** Two of the keys 1, 2 and 3 sign. */
export async function locked(): Promise<World> {
  const at = createWorld()
  await at.start()
  await at.join(1, 'a')
  await at.join(2, 'b')
  submit(at, signed(bundle(at, undefined, proposeFirst(at.network(), [1, 2, 3].map(lockKeyOf), undefined, 1)), [1, 2]))
  await heard(at)
  return at
}

/** Everybody has the newest revision. */
export async function heard(at: World): Promise<void> {
  await at.pass()
  for (const name of members(at)) await at.acknowledge(device(seeds[name] ?? 0).nodeId)
}

async function put(at: World, spec: NetworkSpec): Promise<void> {
  at.hub.put(resource('Network', network, spec), admin)
  await heard(at)
}

export const steps = {
  start: (at: World) => put(at, renumberSteps.start(specOf(at), TO)),
  switch: (at: World) => put(at, renumberSteps.switch(specOf(at))),
  back: (at: World) => put(at, renumberSteps.back(specOf(at))),
  end: (at: World) => put(at, renumberSteps.end(specOf(at))),
}

/** What is said where it fails; empty where it does not. */
export async function refusal(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    if (isHoldfastError(error)) return `${error.code}: ${error.message}. ${error.remedy}`
    throw error
  }
  return ''
}

/** As devices judge that trust the lock in force: names and addresses of who is a member. */
export function admitted(at: World): string {
  const { lock } = at.hub.lockView(network)
  assert.ok(lock)
  const judge = createJudge(lock.lock, { sha256, verify })
  return members(at)
    .map((name) => bodyOf(at, name))
    .filter((body) => judge(body) === 'admitted')
    .map(({ addresses, name }) => `${name} ${addresses.length} ${String(addresses[0]).split('.')[0]}`)
    .join(', ')
}

/** Who waits for signatures, and with which addresses. */
export const waits = (at: World, to?: RenumberTo): string =>
  at.hub
    .lockView(network, to)
    .members.flatMap(({ at: step, member, verdict }) => (verdict === 'unsigned' ? [`${member.name} ${step}`] : []))
    .join(', ')
