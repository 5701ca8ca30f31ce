// Commands and answers are believed from whoever may give them, whole and as they were signed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { concat, toBase64, utf8 } from '../bytes.ts'
import { commandResultBytesMax } from '../command-limits.ts'
import { HoldfastError } from '../errors.ts'
import { sha256, signerFromSeed, verify } from '../host/crypto.ts'
import { parseDeviceKey, parseName, parseNetworkId, parseNodeId } from '../ids.ts'
import { trustedKeys } from '../record/envelope.ts'
import { type Command, type CommandAnswer, openAnswer, openCommand, sealAnswer, sealCommand } from './command.ts'

const [hub, device, stranger] = [1, 2, 3].map((byte) => signerFromSeed(new Uint8Array(32).fill(byte)))
assert.ok(hub && device && stranger)
const trusted = trustedKeys([hub.publicKey], sha256)
const key = parseDeviceKey(toBase64(device.publicKey))
const to = { network: parseNetworkId('abcdefgh2345'), node: parseNodeId('abcdefgh2345abcd'), id: 'abcdefgh2345abcd' }
const command: Command = {
  ...to,
  session: 'sessionaaaaaaaaa',
  serial: 7,
  issuedAt: 1_000,
  expiresAt: 61_000,
  kind: 'ping',
  peer: parseName('press-7'),
  count: 3,
}
const answer: CommandAnswer = { ...to, state: 'done', result: utf8('{"rttMs":1.5}') }

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof HoldfastError ? error.code : 'crash'
  }
  return 'taken'
}

test('what is signed is what is read', () => {
  assert.equal(openCommand(sealCommand(command, hub, sha256), trusted, verify), command)
  assert.equal(openAnswer(sealAnswer(answer, device, sha256), key, verify, sha256), answer)
  const empty = { ...answer, state: 'refused', code: 'conflict', message: 'busy', result: utf8('') } as const
  assert.equal(openAnswer(sealAnswer(empty, device, sha256), key, verify, sha256), empty)
})

test('a command of a stranger, and an answer of another device, are not believed', () => {
  assert.is(
    codeOf(() => openCommand(sealCommand(command, stranger, sha256), trusted, verify)),
    'untrusted',
  )
  assert.is(
    codeOf(() => openAnswer(sealAnswer(answer, stranger, sha256), key, verify, sha256)),
    'untrusted',
  )
  assert.is(
    codeOf(() => openCommand(sealAnswer(answer, hub, sha256).subarray(4), trusted, verify)),
    'bad-signature',
  )
})

test('kinds that are none, and lives without end, are refused', () => {
  for (const change of [{ kind: 'reboot' }, { count: 1_000 }, { session: 'x' }, { serial: -1 }, { peer: '<b>' }]) {
    const bad = { ...command, ...change } as unknown as Command
    assert.is(
      codeOf(() => openCommand(sealCommand(bad, hub, sha256), trusted, verify)),
      'invalid',
      JSON.stringify(change),
    )
  }
})

test('no byte of an answer can be changed, left out or added', () => {
  const bytes = sealAnswer(answer, device, sha256)
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.is.not(
      codeOf(() => openAnswer(changed, key, verify, sha256)),
      'taken',
      String(at),
    )
    assert.is.not(
      codeOf(() => openAnswer(bytes.subarray(0, at), key, verify, sha256)),
      'crash',
      String(at),
    )
    assert.is.not(
      codeOf(() => openAnswer(bytes.subarray(0, at), key, verify, sha256)),
      'taken',
      String(at),
    )
  }
  assert.is(
    codeOf(() => openAnswer(concat(bytes, Uint8Array.of(0)), key, verify, sha256)),
    'bad-root',
  )
})

test('a result that is too large is neither sent nor taken', () => {
  const huge = { ...answer, result: new Uint8Array(commandResultBytesMax + 1) }
  assert.is(
    codeOf(() => sealAnswer(huge, device, sha256)),
    'too-large',
  )
  const bytes = concat(sealAnswer(answer, device, sha256), new Uint8Array(commandResultBytesMax))
  assert.is(
    codeOf(() => openAnswer(bytes, key, verify, sha256)),
    'too-large',
  )
})

test.run()
