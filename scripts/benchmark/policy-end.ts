// One end of a mesh of two, with WireGuard and policy as the agent sets them, and one TCP connection. Started by the policy
// benchmark in a host of its own.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRunner } from '../../edge/drivers/command.ts'
import { addLink } from '../../edge/drivers/link.ts'
import { createPolicy, type Policy } from '../../edge/drivers/policy.ts'
import type { Enforcement } from '../../edge/plan/enforcement.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { systemClock } from '../../shared/host/clock.ts'
import { createLog } from '../../shared/host/log.ts'
import { compileTable } from '../../shared/policy/compile.ts'
import type { Figures } from './bench.ts'
import { largeWorld, nodeAt } from './large-world.ts'
import type { By, FromEnd, Laid, ToEnd } from './policy-words.ts'

const NAME = 'hf0'
const CHUNK = Buffer.alloc(256 * 1_024, 7)

const log = createLog({ level: 'error', format: 'text', now: () => systemClock.now() })
const run = createRunner(log)
let stands: Policy | undefined
let enforcement: Enforcement | undefined
let bytes = 0

async function lay({ index, listenPort, mtu, peer, privateKey }: Laid): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hf-bench-'))
  const world = largeWorld()
  const [address, second] = nodeAt(index).addresses
  if (address === undefined || second === undefined) throw new HoldfastError('failed', 'a node without an address')
  const { table } = compileTable(world, `n${index}`)
  enforcement = { interface: NAME, meshPort: listenPort + 1, self: address, phases: [{ table }], forwards: [] }
  try {
    const keyFile = join(directory, 'key')
    writeFileSync(keyFile, privateKey, { mode: 0o600 })
    await addLink(NAME, run, log)
    const words = ['peer', peer.key, 'endpoint', peer.endpoint, 'allowed-ips', `${peer.address}/32`]
    await run('wg', ['set', NAME, 'listen-port', String(listenPort), 'private-key', keyFile, ...words])
  } finally {
    rmSync(directory, { recursive: true })
  }
  await run('ip', ['address', 'add', `${address}/8`, 'dev', NAME])
  await run('ip', ['link', 'set', NAME, 'mtu', String(mtu), 'up'])
}

/** What was there before goes only when the next one stands. */
async function enforce(by: By): Promise<void> {
  if (enforcement === undefined) throw new HoldfastError('failed', 'nothing is laid')
  if (by === 'none') {
    await stands?.remove()
    stands = undefined
    return
  }
  const next = createPolicy({ run, log, interface: NAME, by: by === 'bpf' ? 'auto' : 'nft' })
  await next.load(enforcement)
  if (next.by() !== by) throw new HoldfastError('unsupported', 'this kernel does not take the programs of policy')
  stands = next
}

async function serve(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('data', (chunk) => void (bytes += chunk.length))
    socket.on('error', (error) => process.stderr.write(`${error.message}\n`))
  })
  await new Promise<void>((done) => server.listen(port, '0.0.0.0', done))
}

async function send(address: string, port: number): Promise<void> {
  const socket = createConnection({ host: address, port })
  const push = (): void => {
    while (socket.write(CHUNK));
  }
  await new Promise<void>((done, failed) => socket.once('connect', done).once('error', failed))
  socket.on('drain', push)
  push()
}

async function obey(words: ToEnd): Promise<Figures> {
  if (words.type === 'lay') await lay(words.laid)
  else if (words.type === 'enforce') await enforce(words.by)
  else if (words.type === 'serve') await serve(words.port)
  else if (words.type === 'send') await send(words.address, words.port)
  return { bytes, atMs: systemClock.monotonic() }
}

process.on('message', (words: ToEnd) => {
  const answer = (said: FromEnd): void => void process.send?.(said)
  obey(words).then(
    (figures) => answer({ type: 'done', figures }),
    (error: unknown) => answer({ type: 'failed', why: describeError(error) }),
  )
})
