// A hub whose devices take commands, played in memory: what they are given, and what they answer.

import { inflateRawSync } from 'node:zlib'
import { utf8 } from '../../shared/bytes.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, verify } from '../../shared/host/crypto.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import { type Command, type CommandAnswer, openCommand, sealAnswer } from '../../shared/wire/command.ts'
import { encodeStatus } from '../../shared/wire/report.ts'
import { Assembly, encodeChunks, parseChunk } from '../../shared/wire/sync.ts'
import { topics } from '../../shared/wire/topics.ts'
import { admin, createWorld, device, signer, type World } from '../hub-world.fake.ts'

export const SESSION = 'sessionaaaaaaaaa'
const all = ['ping', 'netcheck', 'bundle', 'rotate-key']

function status(commands: string[]): Uint8Array {
  const applied = { epoch: 1, revision: 1 }
  return encodeStatus({
    version: '1',
    boot: 1,
    startedAt: 1,
    addresses: [],
    revision: { held: applied, applied, lastGood: applied },
    peers: [],
    peersTotal: 0,
    peersReachable: 0,
    health: [],
    host: { os: 'x', kernel: 'x', arch: 'x', wireguard: 'kernel' },
    at: 1,
    commands,
  })
}

export async function world(commands = all): Promise<World> {
  const one = createWorld()
  await one.start()
  await one.join(1, 'alpha')
  await one.join(2, 'beta')
  await one.pass()
  await one.presence(device(1).nodeId, true, SESSION)
  await one.say(device(1).nodeId, 'status', status(commands))
  return one
}

/** Commands that the broker was given for the device `seed`, opened as it opens them. */
export function given(one: World, seed = 1): Command[] {
  const topic = topics.rsp(one.network(), device(seed).nodeId)
  const trusted = trustedKeys([signer.publicKey], sha256)
  return one.broker.published.flatMap((message) => {
    if (message.topic !== topic) return []
    const chunk = parseChunk(message.payload)
    if (chunk.kind !== 'command') return []
    const whole = new Assembly(chunk.id).add(chunk)
    return whole === undefined ? [] : [openCommand(inflateRawSync(whole.deflated), trusted, verify)]
  })
}

interface Twist extends Partial<CommandAnswer> {
  /** Whose signature, and who says it. */
  readonly by?: number
  readonly from?: number
}

export async function answer(
  one: World,
  { id }: { id: string },
  { by = 1, from = by, ...change }: Twist = {},
): Promise<void> {
  const said = {
    network: one.network(),
    node: device(by).nodeId,
    id,
    state: 'done' as const,
    result: utf8('{"ok":1.5}'),
  }
  const frame = sealAnswer({ ...said, ...change }, device(by).signer, sha256)
  for (const chunk of encodeChunks('command', id, frame, sha256(frame)))
    await one.say(device(from).nodeId, 'answer', chunk)
}

export function code(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof HoldfastError ? error.code : 'crash'
  }
  return 'taken'
}

export const send = (one: World, request = {}) =>
  one.hub.commands.send('alpha', { kind: 'netcheck', ...request }, admin)
export const state = (one: World, { id }: { id: string }) => one.hub.commands.get(id)?.state
