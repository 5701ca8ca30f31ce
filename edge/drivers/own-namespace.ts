// A network namespace for one network of this device. Programs are started inside by nsenter(1); sockets are made by a process
// that stays there (`holdfast-bpf namespace serve`) and handed over, because a socket is of the namespace that it was made in.

import { type ChildProcess, spawn } from 'node:child_process'
import type { EventEmitter } from 'node:events'
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Clock, Log, Timer } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { writeShared } from '../../shared/host/files.ts'
import { namespacePath } from '../host/networks.ts'
import type { Run } from './command.ts'
import { type Connecting, kernelHasIpv6, type Namespace, type Place } from './namespace.ts'

export interface OwnNamespaceOptions {
  readonly name: string
  /** holdfast-bpf; undefined where this build has none. */
  readonly program: string | undefined
  /** Outside. */
  readonly run: Run
  readonly clock: Clock
  readonly log: Log
}

function settingsOf(name: string): string {
  return `/etc/netns/${name}`
}

const ENTER_REMEDY =
  'Run as root, or by the unit holdfast@NAME, which may enter the network namespace of its network alone.'
const RESTART_MS = 1_000
/** A socket is made at once; who makes them may have to be started first, on a small device that boots. */
const SOCKET_MS = 10_000
/** At once: some addresses times two families and protocols, and backends that are asked. */
const WAITING_MAX = 1_024

const word = v.union([
  v.object({ ready: v.literal(true) }),
  v.object({ id: v.number(), error: v.optional(v.string()) }),
])

/** What Node makes of a socket that came by a channel. */
interface Handle {
  close(): void
}

interface Waiting {
  readonly resolve: (handle: Handle) => void
  readonly reject: (error: Error) => void
}

interface Door {
  /** `what`: `udp`, `listen` or `connect`. */
  socket(what: string, address: string, port: number): Promise<Handle>
  /** In the namespace, once it has said so. */
  pid(): number | undefined
}

/** As of the system itself: `code` is the kernel's word for it. */
class SocketError extends Error {
  readonly code: string

  constructor(code: string, { address, port }: Place) {
    super(`${code} ${address}:${port}`)
    this.code = code
  }
}

function release(child: ChildProcess | undefined): void {
  child?.unref()
  child?.channel?.unref()
}

/** Never ends by itself: like the sockets that it makes, it goes with this process. */
function openDoor({ clock, log, name }: OwnNamespaceOptions, program: string): Door {
  const waiting = new Map<number, Waiting & { readonly place: Place; readonly late: Timer }>()
  let child: ChildProcess | undefined
  let inside: number | undefined
  let complaint = ''
  let [last, endedAt] = [0, Number.NEGATIVE_INFINITY]

  const settle = (id: number, use: (one: Waiting & { readonly place: Place }) => void): void => {
    const one = waiting.get(id)
    if (one === undefined) return
    waiting.delete(id)
    one.late.cancel()
    if (waiting.size === 0) release(child)
    use(one)
  }

  const hear = (message: unknown, handle: unknown): void => {
    const { output, success } = v.safeParse(word, message)
    if (!success) return
    if ('ready' in output) {
      inside = child?.pid
      return
    }
    const made = typeof handle === 'object' && handle !== null ? (handle as Handle) : undefined
    // Nobody waits for it any more.
    if (!waiting.has(output.id)) made?.close()
    settle(output.id, ({ place, reject, resolve }) => {
      if (made === undefined) reject(new SocketError(output.error ?? 'EPIPE', place))
      else resolve(made)
    })
  }

  const end = (of: ChildProcess, why: string): void => {
    if (child !== of) return
    child = undefined
    inside = undefined
    endedAt = clock.monotonic()
    log.warn('what makes sockets of a network has ended', { namespace: name, why })
    for (const id of waiting.keys()) settle(id, ({ place, reject }) => reject(new SocketError('EPIPE', place)))
  }

  const start = (): ChildProcess | undefined => {
    if (clock.monotonic() - endedAt < RESTART_MS) return undefined
    complaint = ''
    const args = [`--net=${namespacePath(name)}`, '--', program, 'namespace', 'serve']
    const started = spawn('nsenter', args, { stdio: ['pipe', 'ignore', 'pipe', 'ipc'] })
    started.stdin?.on('error', () => undefined)
    started.stderr?.on('data', (part: Buffer) => {
      complaint = (complaint + part.toString()).slice(0, 200)
    })
    started.on('message', hear)
    started.once('error', (error) => end(started, error.message))
    started.once('close', (code, signal) => end(started, complaint.trim() || `it ended by ${signal ?? code}`))
    // It keeps this process only while somebody waits for a socket.
    release(started)
    for (const pipe of [started.stdin, started.stderr]) if (pipe instanceof Socket) pipe.unref()
    return started
  }

  return {
    pid: () => inside,
    socket(what, address, port) {
      child ??= start()
      const place = { address, port }
      const { promise, reject, resolve } = Promise.withResolvers<Handle>()
      if (child === undefined || waiting.size >= WAITING_MAX) {
        reject(new SocketError('EAGAIN', place))
        return promise
      }
      const id = (last += 1)
      const late = clock.after(SOCKET_MS, () =>
        settle(id, (one) => one.reject(new SocketError('ETIMEDOUT', one.place))),
      )
      waiting.set(id, { resolve, reject, place, late })
      child.ref()
      child.channel?.ref()
      child.stdin?.write(`${id} ${what} ${address} ${port}\n`)
      return promise
    },
  }
}

/** Who is closed before its socket is there does without. */
function handTo(owner: EventEmitter, made: Promise<Handle>, use: (handle: Handle) => void): void {
  let closed = false
  const close = (): void => void (closed = true)
  owner.once('close', close)
  const give = (handle: Handle): void => {
    owner.removeListener('close', close)
    if (closed) handle.close()
    else use(handle)
  }
  made.then(give, (error: Error) => (closed ? undefined : void owner.emit('error', error)))
}

/** Makes it where there is none. Throws `unsupported` where this process may not. */
async function prepare({ name, run }: OwnNamespaceOptions): Promise<void> {
  if (statSync(namespacePath(name), { throwIfNoEntry: false }) !== undefined) return
  try {
    await run('ip', ['netns', 'add', name])
  } catch (cause) {
    if (isHoldfastError(cause, 'failed') && cause.message.includes('File exists')) return
    throw new HoldfastError('unsupported', `no network namespace ${name}: ${describeError(cause)}`, {
      remedy: ENTER_REMEDY,
      cause,
    })
  }
}

export async function openOwnNamespace(options: OwnNamespaceOptions): Promise<Namespace> {
  const { name, program, run } = options
  if (program === undefined) {
    throw new HoldfastError('unsupported', 'this build has no holdfast-bpf, which makes sockets of further networks', {
      remedy: 'Take a build of a release, or install clang and a C compiler and build it anew.',
    })
  }
  let told: string | undefined
  await prepare(options)
  const door = openDoor(options, program)
  const words: Namespace['words'] = (started, args) => [
    'nsenter',
    `--net=${namespacePath(name)}`,
    '--',
    started,
    ...args,
  ]
  // There from the start: it forwards, and its loopback is up, before anything else comes in.
  await door.socket('connect', '127.0.0.1', 0).then(
    (handle) => void new Socket({ handle } as object).destroy(),
    (cause) => {
      throw new HoldfastError('unsupported', `network namespace ${name} can't be entered: ${describeError(cause)}`, {
        remedy: ENTER_REMEDY,
        cause,
      })
    },
  )

  return {
    name,
    id: () => statSync(namespacePath(name), { throwIfNoEntry: false })?.ino.toString(),
    run: (ran, args, asked) => {
      const [enter, ...rest] = words(ran, args)
      return run(enter, rest, asked)
    },
    words,
    procNet(file) {
      const pid = door.pid()
      return pid === undefined ? '' : readFileSync(`/proc/${pid}/net/${file}`, 'latin1')
    },
    bindUdp(socket, place) {
      const at = 'family' in place ? { address: place.family === 4 ? '0.0.0.0' : '::', port: 0 } : place
      handTo(socket, door.socket('udp', at.address, at.port), (handle) => void socket.bind(handle as never))
    },
    listen(server, { address, port }) {
      handTo(server, door.socket('listen', address, port), (handle) => void server.listen(handle))
    },
    async connect({ host, localAddress, port }: Connecting) {
      // Of the family of whom it goes to; its own address it gets as it connects.
      const handle = await door.socket('connect', host.includes(':') ? '::' : '0.0.0.0', 0)
      const socket = new Socket({ handle } as object)
      socket.connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) })
      return socket
    },
    hasIpv6: kernelHasIpv6,
    // Switched on by who stays inside: what may pass is policy's to say, and nothing else is there.
    forwarding: () => (kernelHasIpv6() ? [4, 6] : [4]),
    forward: () => undefined,
    tellNames(addresses) {
      // `ip netns exec` shows it to programs in place of the host's (ip-netns(8)).
      const text = addresses.map((address) => `nameserver ${address}\n`).join('')
      if (text === told) return
      mkdirSync(settingsOf(name), { recursive: true, mode: 0o755 })
      const path = join(settingsOf(name), 'resolv.conf')
      // Any program may have to read it.
      writeShared(path, text)
      told = text
    },
    async remove() {
      rmSync(settingsOf(name), { recursive: true, force: true })
      await run('ip', ['netns', 'del', name])
    },
  }
}
