// One TCP connection through the mesh of two nodes, whose policy comes and goes meanwhile: by the kernel's programs, handed over
// to nft, and none. Each is measured in turns, and set against the turns of none beside it, because a shared machine drifts.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../shared/errors.ts'
import { generateWgPrivateKey, wgPublicKey } from '../../shared/host/crypto.ts'
import { type Figures, median } from './bench.ts'
import { nodeAt, openPort } from './large-world.ts'
import type { By, FromEnd, Laid, ToEnd } from './policy-words.ts'
import { layWire, type Wire } from './site.ts'

const program = resolve(import.meta.dirname, 'policy-end.ts')
const LISTEN_PORT = 51_820
const MTU = 1_420
const ROUNDS = 8
const SETTLE_MS = 300
const WATCH_MS = 1_500

async function ask(end: ChildProcess, words: ToEnd): Promise<Figures> {
  const ended = new AbortController()
  const gone = once(end, 'exit', { signal: ended.signal }).then(
    () => ({ type: 'failed', why: 'an end of the mesh is gone' }) as const,
  )
  const said = once(end, 'message', { signal: ended.signal }).then(([heard]) => heard as FromEnd)
  end.send(words)
  try {
    const heard = await Promise.race([said, gone])
    if (heard.type === 'failed') throw new HoldfastError('failed', `${words.type}: ${heard.why}`)
    return heard.figures
  } finally {
    ended.abort()
    await Promise.allSettled([said, gone])
  }
}

async function layMesh({ hosts }: Wire): Promise<readonly [ChildProcess, ChildProcess]> {
  const keys = hosts.map(() => generateWgPrivateKey())
  const laidAt = (index: 0 | 1): Laid => {
    const other = 1 - index
    const [address = ''] = nodeAt(other).addresses
    const endpoint = `${hosts[other]?.address}:${LISTEN_PORT}`
    const peer = { key: wgPublicKey(keys[other] ?? ''), endpoint, address }
    return { index, privateKey: keys[index] ?? '', listenPort: LISTEN_PORT, mtu: MTU, peer }
  }
  const [to, from] = [hosts[0].fork(program), hosts[1].fork(program)]
  await Promise.all([ask(to, { type: 'lay', laid: laidAt(0) }), ask(from, { type: 'lay', laid: laidAt(1) })])
  return [to, from]
}

/** Megabits a second. */
async function rate(to: ChildProcess): Promise<number> {
  await sleep(SETTLE_MS)
  const before = await ask(to, { type: 'count' })
  await sleep(WATCH_MS)
  const after = await ask(to, { type: 'count' })
  const of = (name: 'bytes' | 'atMs'): number => (after[name] ?? 0) - (before[name] ?? 0)
  return (of('bytes') * 8) / 1_000 / of('atMs')
}

export async function throughput(say: (words: string) => void): Promise<Figures> {
  const wire = layWire('policy')
  try {
    const [to, from] = await layMesh(wire)
    const [address = ''] = nodeAt(0).addresses
    await ask(to, { type: 'serve', port: openPort })
    await ask(from, { type: 'send', address, port: openPort })
    const measured = async (by: By): Promise<number> => {
      for (const end of [to, from]) await ask(end, { type: 'enforce', by })
      return await rate(to)
    }
    const none = [await measured('none')]
    const ratios: Record<Exclude<By, 'none'>, number[]> = { bpf: [], nft: [] }
    for (let round = 1; round <= ROUNDS; round++) {
      const before = none.at(-1) ?? Number.NaN
      const [bpf, nft] = [await measured('bpf'), await measured('nft')]
      const after = await measured('none')
      none.push(after)
      ratios.bpf.push((2 * bpf) / (before + after))
      ratios.nft.push((2 * nft) / (before + after))
      say(`${round} of ${ROUNDS} rounds of TCP`)
    }
    return {
      throughputRatio: median(ratios.bpf),
      throughputRatioNft: median(ratios.nft),
      mbitPerS: median(none),
    }
  } finally {
    await wire.remove()
  }
}
