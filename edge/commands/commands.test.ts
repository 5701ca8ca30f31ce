// Commands of the hub as a device goes through them: once, one at a time, not too often, not too late, and only those it does.

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fromUtf8, toBase64, utf8 } from '../../shared/bytes.ts'
import { commandResultBytesMax, commandRunMsMax, commandsPerMinuteMax } from '../../shared/command-limits.ts'
import { FakeClock, memoryLog, settle } from '../../shared/effects.fake.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { sha256, signerFromSeed, verify } from '../../shared/host/crypto.ts'
import { base32, parseDeviceKey, parseNetworkId, parseNodeId } from '../../shared/ids.ts'
import { trustedKeys } from '../../shared/record/envelope.ts'
import {
  type Command,
  type CommandAnswer,
  type CommandKind,
  commandKinds,
  openAnswer,
  sealCommand,
} from '../../shared/wire/command.ts'
import { Assembly, encodeChunks, parseChunk } from '../../shared/wire/sync.ts'
import { createCommands } from './commands.ts'

const signerOf = (byte: number) => signerFromSeed(new Uint8Array(32).fill(byte))
const [hub, device, stranger] = [signerOf(1), signerOf(2), signerOf(3)] as const
const network = parseNetworkId('abcdefgh2345')
const self = parseNodeId('abcdefgh2345abcd')
const SESSION = 'sessionaaaaaaaaa'

type Run = (command: Command) => Promise<Uint8Array>

function setup({ kinds = commandKinds, run }: { kinds?: readonly CommandKind[]; run?: Run } = {}) {
  const clock = new FakeClock()
  const did: string[] = []
  const journal: string[] = []
  const answers: CommandAnswer[] = []
  const assemblies = new Map<string, Assembly>()
  let made = 0
  const commands = createCommands({
    clock,
    log: memoryLog(),
    sha256,
    verify,
    inflate: (bytes, max) => inflateRawSync(bytes, { maxOutputLength: max }),
    doors: {
      kinds,
      run: (command) => {
        did.push(command.kind)
        return run?.(command) ?? Promise.resolve(utf8(`{"did":"${command.kind}"}`))
      },
    },
    network,
    self,
    trusted: () => trustedKeys([hub.publicKey], sha256),
    signer: device,
    journal: (event, detail) => void journal.push(`${event} ${detail}`),
    async send(payload) {
      const chunk = parseChunk(payload)
      const assembly = assemblies.get(chunk.id) ?? new Assembly(chunk.id)
      assemblies.set(chunk.id, assembly)
      const whole = assembly.add(chunk)
      if (whole === undefined) return
      answers.push(openAnswer(whole.deflated, parseDeviceKey(toBase64(device.publicKey)), verify, sha256))
    },
  })
  const commandOf = (change: Partial<Command> = {}): Command => {
    made += 1
    const id = base32(sha256(utf8(String(made))), 16)
    const issuedAt = Math.floor(clock.now())
    const to = { network, node: self, id, session: SESSION, serial: made }
    return { ...to, issuedAt, expiresAt: issuedAt + 60_000, kind: 'netcheck', ...change }
  }
  const chunksOf = (command: Command, signer = hub): Uint8Array[] => {
    const deflated = deflateRawSync(sealCommand(command, signer, sha256))
    return encodeChunks('command', command.id, deflated, sha256(deflated))
  }
  const give = async (command = commandOf(), signer = hub): Promise<void> => {
    for (const chunk of chunksOf(command, signer)) commands.onReply(chunk, SESSION)
    await settle()
  }
  const said = (): string[] => answers.map(({ code, state }) => (code === undefined ? state : `${state} ${code}`))
  return { answers, chunksOf, clock, commandOf, commands, did, give, journal, said }
}

test('what the hub signs is done and answered, signed', async () => {
  const { answers, commandOf, did, give, journal } = setup()
  const command = commandOf()
  await give(command)
  assert.equal(did, ['netcheck'])
  assert.equal(journal, ['command netcheck'])
  const [answer] = answers
  assert.equal(
    [answer?.id, answer?.state, fromUtf8(answer?.result ?? utf8(''))],
    [command.id, 'done', '{"did":"netcheck"}'],
  )
})

test('a command that was heard is not done again, however often the broker brings it', async () => {
  const { chunksOf, commandOf, commands, did, give, said } = setup()
  const [first, second] = [commandOf(), commandOf()]
  await give(second)
  await give(second)
  await give(first)
  for (const chunk of chunksOf(second)) commands.onReply(chunk, SESSION)
  await settle()
  assert.equal([did, said()], [['netcheck'], ['done']])
})

test('one of another life of this agent, for another device or another network, is dropped', async () => {
  const { commandOf, did, give, said } = setup()
  await give(commandOf({ session: 'sessionbbbbbbbbb' }))
  await give(commandOf({ node: parseNodeId('bbcdefgh2345abcd') }))
  await give(commandOf({ network: parseNetworkId('bbcdefgh2345') }))
  assert.equal([did, said()], [[], []])
})

test('one that nobody signed who may is no command', async () => {
  const { chunksOf, commandOf, commands, did } = setup()
  const code = (run: () => void): string => {
    try {
      run()
    } catch (error) {
      return error instanceof HoldfastError ? error.code : 'crash'
    }
    return 'taken'
  }
  const feed = (chunks: readonly Uint8Array[]) => () => {
    for (const chunk of chunks) commands.onReply(chunk, SESSION)
  }
  assert.is(code(feed(chunksOf(commandOf(), stranger))), 'untrusted')
  const bomb = deflateRawSync(Buffer.alloc(10 << 20))
  assert.is.not(code(feed(encodeChunks('command', 'a'.repeat(16), bomb, sha256(bomb)))), 'taken')
  const [chunk = utf8('')] = chunksOf(commandOf())
  assert.is(code(feed([chunk.with(chunk.length - 1, (chunk.at(-1) ?? 0) ^ 1)])), 'invalid')
  assert.equal(did, [])
})

test('one that was held back is refused by the clock, and one from the future is done: this clock may be behind', async () => {
  const { clock, commandOf, did, give, said } = setup()
  const late = commandOf()
  clock.advance(60_001)
  await give(late)
  const now = Math.floor(clock.now())
  await give(commandOf({ issuedAt: now + 86_400_000, expiresAt: now + 86_460_000 }))
  await give(commandOf({ issuedAt: now, expiresAt: now + 86_400_000 }))
  assert.equal([said(), did], [['refused expired', 'done', 'refused invalid'], ['netcheck']])
})

test('what people have turned off is refused, and said', async () => {
  const { answers, commandOf, did, give, journal } = setup({ kinds: ['ping'] })
  await give(commandOf({ kind: 'rotate-key' }))
  assert.equal([answers[0]?.state, answers[0]?.code, did], ['refused', 'forbidden', []])
  assert.match(answers[0]?.remedy ?? '', /commands/)
  assert.match(journal[0] ?? '', /^command-refused rotate-key/)
})

test('one at a time: also one that takes too long keeps others out until it ends', async () => {
  const slow = Promise.withResolvers<Uint8Array>()
  let first = true
  const run: Run = () => {
    if (!first) return Promise.resolve(utf8('{}'))
    first = false
    return slow.promise
  }
  const { clock, give, said } = setup({ run })
  await give()
  await give()
  assert.equal(said(), ['refused conflict'])
  await clock.advanceAsync(commandRunMsMax)
  await give()
  assert.equal(said(), ['refused conflict', 'failed failed', 'refused conflict'])
  slow.resolve(utf8('{}'))
  await settle()
  await give()
  assert.is(said().at(-1), 'done')
})

test('so many a minute, whatever the hub says', async () => {
  const { clock, did, give, said } = setup()
  for (let n = 0; n < commandsPerMinuteMax + 2; n++) await give()
  assert.is(did.length, commandsPerMinuteMax)
  assert.is(said().at(-1), 'refused rate-limited')
  clock.advance(60_000)
  await give()
  assert.is(said().at(-1), 'done')
})

test('a failure is told in words, and a result that is too large is not sent', async () => {
  const outcomes: Run[] = [
    () =>
      Promise.reject(
        new HoldfastError('not-found', `no peer ${'x'.repeat(900)}`, { remedy: 'See `holdfast status`.' }),
      ),
    () => Promise.reject(new TypeError('<script>alert(1)</script>')),
    () => Promise.resolve(new Uint8Array(commandResultBytesMax + 1)),
    () => Promise.resolve(new Uint8Array(commandResultBytesMax)),
  ]
  const { answers, give, said } = setup({
    run: (command) => outcomes.shift()?.(command) ?? Promise.reject(new TypeError()),
  })
  for (let n = 0; n < 4; n++) await give()
  assert.equal(said(), ['failed not-found', 'failed failed', 'failed too-large', 'done'])
  assert.equal([answers[0]?.message?.length, answers[0]?.remedy], [500, 'See `holdfast status`.'])
  assert.is(answers[3]?.result.length, commandResultBytesMax)
})

test('an agent that stops answers no more', async () => {
  const slow = Promise.withResolvers<Uint8Array>()
  const { commands, give, said } = setup({ run: () => slow.promise })
  await give()
  commands.stop()
  slow.resolve(utf8('{}'))
  await settle()
  assert.equal(said(), [])
})

test.run()
