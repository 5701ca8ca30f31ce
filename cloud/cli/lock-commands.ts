// The commands `lock …`: who holds keys of the membership lock proposes locks with them and signs for members, beside the hub
// or, by files, far from it.

import { parseCidr } from '../../shared/address/cidr.ts'
import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import type { Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { type DeviceKey, type NodeId, parseDeviceKey } from '../../shared/ids.ts'
import { isLocked, type Lock } from '../../shared/record/lock.ts'
import { type LockBundle, parseLockBundle } from '../../shared/record/lock-bundle.ts'
import type { LockMember, LockView } from '../hub.ts'
import { makeKeyFile, openKeyFile, publicHalf } from '../lock/key-file.ts'
import { isTokenKey, parseTokenKey } from '../lock/pkcs11-uri.ts'
import { proposalLacks, proposeEnd, proposeFirst, proposeNext, signBundle, type Whom } from '../lock/signing.ts'
import { openTokenKey } from '../lock/token-key.ts'
import { argument, type Command, type Context, printJson } from './context.ts'
import { printLock, printMembers } from './lock-text.ts'

function path({ flags }: Context, replace = false): string {
  const name = encodeURIComponent(textFlag(flags, 'network') ?? 'default')
  return `/api/v1/networks/${name}/lock${replace ? '?replace=true' : ''}`
}

/** With what a renumbering to the blocks in the flags would need, where they name any. */
function getLock(context: Context): Promise<LockView> {
  const query = (['cidr', 'cidr6'] as const).flatMap((name) => {
    const block = textFlag(context.flags, name)
    return block === undefined ? [] : [`${name}=${encodeURIComponent(parseCidr(block))}`]
  })
  return context.client().get<LockView>(`${path(context)}${query.length === 0 ? '' : `?${query.join('&')}`}`)
}

function bundleOf({ lock, network, renumber }: LockView, members: readonly LockMember[]): LockBundle {
  const list = members.map(({ links, member, signatures }) => ({
    member,
    signatures: [...signatures],
    ...(links === undefined ? {} : { links: [...links] }),
  }))
  return {
    network,
    ...(lock === undefined ? {} : { lock }),
    ...(renumber === undefined ? {} : { renumber }),
    members: list,
  }
}

function lockIn({ lock, network }: LockView): Lock {
  if (lock !== undefined && isLocked(lock.lock)) return lock.lock
  throw new HoldfastError('not-found', `network ${network.name} has no membership lock`, {
    remedy: 'Make one with `holdfast-hub lock init`.',
  })
}

function readBundle(file: string): LockBundle {
  const text = readIfThere(file)
  if (text === undefined) throw new HoldfastError('not-found', `there is no file ${file}`)
  try {
    return parseLockBundle(JSON.parse(text))
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw new HoldfastError('invalid', `${file} is not JSON`, { cause, remedy: 'Get it anew: `lock pending -o FILE`.' })
  }
}

function write(context: Context, file: string, value: unknown): void {
  if (file === '-') printJson(context, value)
  else writeAtomic(file, `${JSON.stringify(value, undefined, 2)}\n`)
}

function threshold({ flags }: Context): number | undefined {
  const text = textFlag(flags, 'threshold')
  if (text === undefined) return undefined
  if (/^[1-9]\d?$/.test(text)) return Number(text)
  throw new HoldfastError('usage', `--threshold "${text.slice(0, 20)}" is not a number of signatures`)
}

function publicKeys(words: readonly string[]): DeviceKey[] {
  return words.map((word) => parseDeviceKey(word))
}

function openKey(word: string, { env }: Context): Signer {
  return isTokenKey(word) ? openTokenKey(parseTokenKey(word), env) : openKeyFile(word)
}

function signAll(context: Context, bundle: LockBundle, whom: Whom): LockBundle {
  const signers = listFlag(context.flags, 'key').map((word) => openKey(word, context))
  return signers.reduce((signed, signer) => signBundle(signed, signer, whom, sha256), bundle)
}

/** About 700 bytes each with two signatures, 3,600 with as many as there may be. */
const ROWS_AT_ONCE = 1_000

/** Only what was signed: the rest of a large fleet need not travel. */
async function submit(context: Context, bundle: LockBundle, replace: boolean): Promise<LockView> {
  const members = bundle.members.filter(({ signatures }) => signatures.length > 0)
  const send = (part: LockBundle['members']) =>
    context.client().send<LockView>('PUT', path(context, replace), { ...bundle, members: part })
  // A lock comes with all who are signed for; members alone fit in as many requests as it takes.
  if (bundle.proposal !== undefined) return await send(members)
  let view = await send(members.slice(0, ROWS_AT_ONCE))
  for (let at = ROWS_AT_ONCE; at < members.length; at += ROWS_AT_ONCE) {
    view = await send(members.slice(at, at + ROWS_AT_ONCE))
  }
  return view
}

/** Sends the proposal if it is whole, or writes it for the next who signs. */
async function settle(context: Context, bundle: LockBundle, replace: boolean): Promise<void> {
  const file = textFlag(context.flags, 'output')
  const lacks = proposalLacks(bundle, replace, { sha256, verify })
  if (file !== undefined) {
    write(context, file, bundle)
    const then = replace ? `lock submit ${file} --replace` : `lock submit ${file}`
    const next =
      lacks === undefined ? then : `lock sign --file ${file} --all --key FILE\` with the other keys, then \`${then}`
    context.err(`Wrote ${file}. Next: \`holdfast-hub ${next}\`\n`)
    return
  }
  if (lacks !== undefined) {
    throw new HoldfastError('usage', `the lock lacks ${lacks}`, {
      remedy: 'Give more --key, or write it with -o FILE for the others to sign: `holdfast-hub lock sign --file FILE`.',
    })
  }
  printLock(context, await submit(context, bundle, replace))
}

export const lockKey: Command = async (context) => {
  const file = argument(context, 0)
  if (isTokenKey(file)) return context.out(`${publicHalf(openKey(file, context))}\n`)
  const key = makeKeyFile(file)
  context.out(`${key}\n`)
  context.err(`Wrote ${file}. Keep it away from the hub, and a copy of it somewhere else. Above is its public half.\n`)
}

export const lockInit: Command = async (context) => {
  const view = await getLock(context)
  const replace = switchFlag(context.flags, 'replace')
  const { lock } = view
  if (lock !== undefined && isLocked(lock.lock) && !replace) {
    throw new HoldfastError('conflict', `network ${view.network.name} has a membership lock already`, {
      remedy: 'Change it with `lock change`. If its keys are lost, read `lock init --help` about --replace.',
    })
  }
  const own = listFlag(context.flags, 'key').map((word) => publicHalf(openKey(word, context)))
  const keys = [...own, ...publicKeys(listFlag(context.flags, 'public'))]
  const first = proposeFirst(view.network.id, keys, threshold(context), (lock?.lock.serial ?? 0) + 1)
  // What follows an ended lock stays in its chain: devices that pinned the end go along.
  const follows = lock !== undefined && !isLocked(lock.lock) && !replace
  const proposal = follows
    ? proposeNext(lock.lock, { ...noChange, add: keys, threshold: first.lock.threshold }, sha256)
    : first
  await settle(context, signAll(context, { ...bundleOf(view, view.members), proposal }, 'all'), replace)
}

const noChange = { add: [], remove: [], revoke: [], pardon: [], threshold: undefined } as const

/** Ids of devices that are given by name, or by id where they are gone. */
function nodeIds(view: LockView, words: readonly string[]): NodeId[] {
  return words.map((word) => view.members.find(({ member }) => member.name === word)?.member.nodeId ?? (word as NodeId))
}

export const lockChange: Command = async (context) => {
  const view = await getLock(context)
  const { flags } = context
  const change = {
    add: publicKeys(listFlag(flags, 'add')),
    remove: publicKeys(listFlag(flags, 'remove')),
    threshold: threshold(context),
    revoke: nodeIds(view, listFlag(flags, 'revoke')),
    pardon: nodeIds(view, listFlag(flags, 'pardon')),
  }
  const proposal = proposeNext(lockIn(view), change, sha256)
  // Members stay members; who waits for signatures goes on waiting.
  const members = view.members.filter(
    ({ member, verdict }) => verdict === 'admitted' && !proposal.lock.revoked.includes(member.nodeId),
  )
  await settle(context, signAll(context, { ...bundleOf(view, members), proposal }, 'all'), false)
}

export const lockEnd: Command = async (context) => {
  const view = await getLock(context)
  const proposal = proposeEnd(lockIn(view), sha256)
  await settle(context, signAll(context, { ...bundleOf(view, []), proposal }, 'all'), false)
}

/** Before a renumbering what members are signed for goes along: it shows that they keep it. */
function beside({ members, renumber }: LockView, wanted: readonly LockMember[]): readonly LockMember[] {
  if (renumber === undefined) return wanted
  const names = new Set<string>(wanted.map(({ member }) => member.name))
  return members.filter(({ member }) => names.has(member.name))
}

export const lockPending: Command = async (context) => {
  const view = await getLock(context)
  lockIn(view)
  const waiting = view.members.filter(({ verdict }) => verdict === 'unsigned')
  const file = textFlag(context.flags, 'output')
  if (file !== undefined) write(context, file, bundleOf(view, beside(view, waiting)))
  else if (switchFlag(context.flags, 'json')) printJson(context, { ...view, members: waiting })
  else printMembers(context, view, waiting)
}

function whomOf({ args, flags }: Context, required: boolean): Whom {
  if (switchFlag(flags, 'all')) return 'all'
  if (args.length > 0 || !required) return args
  throw new HoldfastError('usage', 'say whom to sign for', {
    remedy:
      'Name them, or give --all. `holdfast-hub lock pending` lists who waits; compare ids with `holdfast status` there.',
  })
}

export const lockSign: Command = async (context) => {
  if (listFlag(context.flags, 'key').length === 0) {
    throw new HoldfastError('usage', 'lock sign needs --key', {
      remedy: 'Give the file of a lock key, or its URI on a token.',
    })
  }
  const file = textFlag(context.flags, 'file')
  if (file !== undefined) {
    const block = textFlag(context.flags, 'cidr') ?? textFlag(context.flags, 'cidr6')
    if (block !== undefined) {
      throw new HoldfastError('usage', `${file} says itself which blocks it is for`, {
        remedy: 'Leave --cidr and --cidr6 out here; give them to `lock pending -o FILE`.',
      })
    }
    const bundle = readBundle(file)
    write(context, file, signAll(context, bundle, whomOf(context, bundle.proposal === undefined)))
    context.err(`Signed ${file}. Next: \`holdfast-hub lock submit ${file}\`, or the next key\n`)
    return
  }
  const view = await getLock(context)
  lockIn(view)
  const whom = whomOf(context, true)
  const wanted = view.members.filter(({ member, verdict }) =>
    whom === 'all' ? verdict === 'unsigned' : whom.includes(member.name),
  )
  const signed = signAll(context, bundleOf(view, beside(view, wanted)), whom)
  const after = await submit(context, signed, false)
  const names = new Set<string>(wanted.map(({ member }) => member.name))
  printMembers(
    context,
    after,
    after.members.filter(({ member }) => names.has(member.name)),
  )
}

export const lockSubmit: Command = async (context) => {
  const bundle = readBundle(argument(context, 0))
  printLock(context, await submit(context, bundle, switchFlag(context.flags, 'replace')))
}

export const lockExport: Command = async (context) => {
  const view = await getLock(context)
  lockIn(view)
  write(context, argument(context, 0), { lock: view.lock })
}

export const lockStatus: Command = async (context) => {
  const view = await getLock(context)
  if (switchFlag(context.flags, 'json')) printJson(context, view)
  else printLock(context, view)
}
