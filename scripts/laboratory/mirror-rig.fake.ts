// A mesh of two hosts in the network namespace of this process, and one of an IDS: `hf0` here, `far0` there, both WireGuard's,
// and a veth pair `ids0` — `ids1` whose other end somebody reads.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { makeHoldfastBpf } from '../../build/holdfast-bpf.ts'
import { hostTarget } from '../../build/target.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { generateWgPrivateKey, wgPublicKey } from '../../shared/host/crypto.ts'
import { buildProgram } from './udp-load.ts'

export const HERE = { 4: '10.99.0.1', 6: 'fd99::1' } as const
export const FAR = { 4: '10.99.0.2', 6: 'fd99::2' } as const

export const sh = (script: string): string => execFileSync('sh', ['-ec', script], { encoding: 'utf8' })

/** A frame as the reader got it. */
export interface Seen {
  readonly bytes: number
  /** How it begins. */
  readonly head: Buffer
}

export interface MirrorRig {
  /** holdfast-bpf. */
  readonly program: string
  /** What came since it was called last. */
  frames(): readonly Seen[]
  /** The reader's end, and somebody who reads there, anew. */
  layTarget(): Promise<void>
  /** The mesh's interface, as it is after a crash of WireGuard. */
  layMesh(): void
  close(): void
}

interface End {
  readonly name: string
  readonly enter: string
  readonly file: string
  readonly key: string
  readonly own: typeof HERE | typeof FAR
}

function layEnd({ enter, file, name, own }: End, peer: End, endpoint: string): void {
  const key = wgPublicKey(peer.key)
  sh(`
    ${enter} ip link del ${name} 2>/dev/null || true
    ${enter} ip link add ${name} type wireguard 2>/dev/null || ${enter} wireguard-go ${name} >/dev/null 2>&1
    ${enter} wg set ${name} listen-port 51820 private-key ${file} peer ${key} endpoint ${endpoint}:51820 allowed-ips ${peer.own[4]}/32,${peer.own[6]}/128
    ${enter} ip address add ${own[4]}/24 dev ${name}
    ${enter} ip -6 address add ${own[6]}/64 dev ${name} nodad
    ${enter} ip link set ${name} mtu 1420 up
  `)
}

export async function openMirrorRig(): Promise<MirrorRig> {
  const made = makeHoldfastBpf(hostTarget())
  if (typeof made === 'string') throw new HoldfastError('unsupported', made)
  const directory = mkdtempSync(join(tmpdir(), 'hf-mirror-'))
  const tap = buildProgram(join(import.meta.dirname, 'frame-tap.c'), directory)
  const end = (name: string, enter: string, own: End['own']): End => {
    const [file, key] = [join(directory, name), generateWgPrivateKey()]
    writeFileSync(file, `${key}\n`, { mode: 0o600 })
    return { name, enter, file, key, own }
  }
  const [here, far] = [end('hf0', '', HERE), end('far0', 'ip netns exec far', FAR)]
  let [seen, reader]: [Seen[], ChildProcess | undefined] = [[], undefined]
  sh(`
    mount -t tmpfs tmpfs /run && mkdir /run/wireguard
    mount -t bpf bpf /sys/fs/bpf
    ip link set lo up
    ip netns add far && ip netns add ids
    ip link add out type veth peer name in netns far
    ip address add 192.0.2.1/24 dev out && ip link set out up
    ip netns exec far ip address add 192.0.2.2/24 dev in
    ip netns exec far ip link set in up
    ip netns exec far ip link set lo up
  `)
  layEnd(here, far, '192.0.2.2')
  layEnd(far, here, '192.0.2.1')

  const rig: MirrorRig = {
    program: made.path,
    frames() {
      const found = seen
      seen = []
      return found
    },
    async layTarget() {
      reader?.kill('SIGKILL')
      sh('ip link add ids0 type veth peer name ids1 netns ids && ip link set ids0 up')
      sh('ip netns exec ids ip link set ids1 up')
      reader = spawn('ip', ['netns', 'exec', 'ids', tap, 'ids1'], { stdio: ['ignore', 'pipe', 'inherit'] })
      const ready = Promise.withResolvers<void>()
      if (reader.stdout === null) throw new HoldfastError('failed', 'the reader says nothing')
      createInterface({ input: reader.stdout }).on('line', (line) => {
        const [bytes = '', hex = ''] = line.split(' ')
        if (hex === '') ready.resolve()
        else seen.push({ bytes: Number(bytes), head: Buffer.from(hex, 'hex') })
      })
      await ready.promise
    },
    layMesh: () => layEnd(here, far, '192.0.2.2'),
    close() {
      reader?.kill('SIGKILL')
      sh('for name in hf0; do ip link del $name; done; ip netns exec far ip link del far0')
      rmSync(directory, { recursive: true })
    },
  }
  await rig.layTarget()
  return rig
}
