// `holdfast join`: keys first, then trust in the hub, then the hub's trust in the device, then everything on disk.
//
// identity.json is written last and is what makes a device enrolled: an interruption anywhere before it leaves a state
// from which the same command goes on, with the same keys.

import { fromBase64, toBase64, toBase64Url } from '../../shared/bytes.ts'
import type { Clock } from '../../shared/effects.ts'
import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import type { HttpProxy } from '../../shared/host/http-proxy.ts'
import { fetchAnchor, type HubContact } from '../../shared/host/hub-anchor.ts'
import type { FindOut } from '../../shared/host/pinned-tls.ts'
import type { Name } from '../../shared/ids.ts'
import type { Labels } from '../../shared/intent/field.ts'
import {
  type Anchor,
  type EnrolReply,
  type EnrolRequest,
  enrolProofBytes,
  type JoinSecret,
  parseJoinToken,
} from '../../shared/wire/enrol.ts'
import { brokerUrls, parseHubUrl } from '../../shared/wire/hub-url.ts'
import { type StateFiles, stateFiles } from '../host/files.ts'
import { openLockFile } from '../host/lock-file.ts'
import type { Identity } from '../identity.ts'
import type { Store } from '../store/store.ts'
import { lockFileText } from '../trust/lock-pin.ts'
import { type DeviceKeys, ensureKeys } from './device-keys.ts'
import { storeFirstSnapshot } from './first-snapshot.ts'
import { requestEnrolment } from './hub-exchange.ts'

export interface JoinOptions {
  readonly url: string
  readonly proxy?: HttpProxy | undefined
  /** Which way to take to the hub, where that is not for the host to say. */
  readonly out?: FindOut | undefined
  readonly token: string
  readonly name?: Name
  readonly labels: Labels
  readonly stateDir: string
  /** How long to wait for approval and for a hub that can't be reached, in all. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly openStore: (path: string) => Store
  /** Sentences for the person who waits. */
  readonly onProgress: (sentence: string) => void
}

type Enrolled = Extract<EnrolReply, { state: 'enrolled' }>

const RETRY_MS = 3_000
const RETRY_MS_MAX = 60_000

export async function join(options: JoinOptions): Promise<Identity> {
  const secret = parseJoinToken(options.token)
  const { clock, out, proxy } = options
  const contact: HubContact = { hub: parseHubUrl(options.url), proxy, out, clock, floor: 0 }
  const files = stateFiles(options.stateDir)
  refuseSecondJoin(files)
  const keys = ensureKeys(files)
  const deadline = options.clock.monotonic() + options.timeoutMs
  const anchor = await persist(options, deadline, () => fetchAnchor(contact, secret.pin))
  const request = enrolRequest(options, secret, keys)
  const reply = await awaitApproval(options, deadline, () => requestEnrolment(contact, anchor, request))
  return settle(files, identityOf(contact, anchor, reply, keys), reply, { ...options, lock: secret.lock })
}

function refuseSecondJoin(files: StateFiles): void {
  if (readIfThere(files.identity) === undefined) return
  throw new HoldfastError('conflict', `this device has joined already; its identity is in ${files.directory}`, {
    remedy: 'Run `holdfast leave --purge` first, or give another --state.',
  })
}

function enrolRequest(options: JoinOptions, secret: JoinSecret, keys: DeviceKeys): EnrolRequest {
  const unsigned = {
    tokenId: secret.id,
    ...(options.name === undefined ? {} : { name: options.name }),
    labels: options.labels,
    wgKey: keys.wgKey,
    deviceKey: keys.deviceKey,
  }
  const proof = toBase64(keys.signer.sign(enrolProofBytes(unsigned, secret.pin)))
  return { ...unsigned, secret: toBase64Url(secret.secret), proof }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}

/** Repeats `attempt` while the hub can't be reached, until the deadline; every other refusal ends it at once. */
async function persist<T>(options: JoinOptions, deadline: number, attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const again = isHoldfastError(error, 'unreachable') || isHoldfastError(error, 'rate-limited')
      if (!again || options.clock.monotonic() + RETRY_MS >= deadline) throw error
      options.onProgress(`${error.message}; trying again`)
      await pause(options.clock, RETRY_MS)
    }
  }
}

/** Who lets the device in, and how. People compare its id before they sign for it. */
function nextStep({ awaits, name, nodeId }: Extract<EnrolReply, { state: 'pending' }>) {
  if (awaits !== 'signatures') return { awaited: 'approval', command: `holdfast-hub approve ${name}` }
  const awaited = `signatures of membership lock keys for device ${nodeId}`
  return { awaited, command: `holdfast-hub lock sign ${name} --key FILE` }
}

async function awaitApproval(
  options: JoinOptions,
  deadline: number,
  ask: () => Promise<EnrolReply>,
): Promise<Enrolled> {
  for (;;) {
    const reply = await persist(options, deadline, ask)
    if (reply.state === 'enrolled') return reply
    const { awaited, command } = nextStep(reply)
    const waitMs = Math.min(Math.max(reply.retryAfterS * 1_000, 1_000), RETRY_MS_MAX)
    if (options.clock.monotonic() + waitMs >= deadline) {
      throw new HoldfastError('expired', `${reply.name} still waits for ${awaited} at the hub`, {
        remedy: `Let it in with \`${command}\`, then run the same command again.`,
      })
    }
    options.onProgress(`waiting for ${awaited}: \`${command}\``)
    await pause(options.clock, waitMs)
  }
}

function identityOf(contact: HubContact, anchor: Anchor, reply: Enrolled, keys: DeviceKeys): Identity {
  if (reply.nodeId !== keys.nodeId) {
    throw new HoldfastError('untrusted', `the hub enrolled ${reply.nodeId}, but this device is ${keys.nodeId}`)
  }
  const { username, password, tlsAuthority } = reply.broker
  return {
    nodeId: reply.nodeId,
    name: reply.name,
    network: reply.network,
    hubUrl: contact.hub.url,
    anchor,
    keys: reply.keys,
    broker: {
      urls: brokerUrls(contact.hub, reply.broker),
      username,
      password,
      ...(tlsAuthority === undefined ? {} : { tlsAuthority }),
    },
  }
}

interface SettleOptions extends JoinOptions {
  /** Hash of the membership lock that the token names. */
  readonly lock: Uint8Array | undefined
}

/** Verifies and stores the snapshot, reads it back, and only then writes the identity. */
function settle(files: StateFiles, identity: Identity, reply: Enrolled, options: SettleOptions): Identity {
  const store = options.openStore(files.database)
  try {
    const lock = storeFirstSnapshot(identity, fromBase64(reply.snapshot), store, options.lock)
    if (lock !== undefined) openLockFile(files.membershipLock).write(lockFileText(lock))
    store.journal({ at: options.clock.now(), event: 'joined', detail: `${identity.network.name} as ${identity.name}` })
  } finally {
    store.close()
  }
  writeAtomic(files.identity, `${JSON.stringify(identity, undefined, 2)}\n`)
  return identity
}
