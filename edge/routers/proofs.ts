// Which routers are asked whether they forward, and what is known of each: those that lead to where payload goes at the moment,
// the one in use closely, others now and then. A device at rest asks nobody.

import { familyOf } from '../../shared/address/cidr.ts'
import type { Clock } from '../../shared/effects.ts'
import type { NodeId, WgKey } from '../../shared/ids.ts'
import { askersMax } from '../../shared/route-limits.ts'
import type { Chooser } from '../paths/chooser.ts'
import type { Router, RouterGroup } from '../plan/routes.ts'
import type { PeerBook } from '../report/peers.ts'
import type { FactBook } from '../trust/fact-book.ts'
import type { Echoes, OpenEchoes } from './echoes.ts'
import type { Proof } from './proof.ts'
import { type Asked, createProver } from './prover.ts'

/** What a machine behind a router said through it. `unable`: nobody can ask it, because its agent is too old, or this one is. */
export type ProofState = Proof['state'] | 'unable'

export interface Proofs {
  /** `usedOf`: who is used of each group. */
  follow(groups: readonly RouterGroup[], usedOf: (group: RouterGroup) => NodeId | undefined, pace: ProofPace): void
  of(router: Router): Proof | 'unable' | undefined
  close(): void
}

export interface ProofPace {
  readonly isFrugal: boolean
  /** Devices that may ask the same. */
  readonly members: number
}

export interface ProofsOptions {
  readonly clock: Clock
  readonly facts: Pick<FactBook, 'facts'>
  readonly peers: Pick<PeerBook, 'of'>
  readonly paths: Pick<Chooser, 'isWarm'>
  /** Absent where this build can't ask. */
  readonly open: OpenEchoes | undefined
  /** Bytes through the tunnel that nobody waits for. */
  readonly wordBytes: Map<WgKey, number>
  readonly onChange: () => void
}

/** Three that are lost in a row, each a quarter of a second late: a router that stops to forward is left within 1.5 s. */
const USED_MS = 400
/** It is to be known that somebody could take over, before somebody has to. */
const READY_MS = 10_000
/** Where each byte is paid for. */
const FRUGAL_TIMES = 12
/** There and back, header 16, tag 16 and padding to 16 (WireGuard paper §5.4.6) around IP, ICMP and the mark. */
const ECHO_BYTES = { 4: 2 * (48 + 32), 6: 2 * (64 + 32) } as const

export function createProofs(options: ProofsOptions): Proofs {
  const { clock, facts, onChange, open, paths, peers, wordBytes } = options
  const nodes = new Map<string, NodeId>()
  let used: ReadonlySet<NodeId> = new Set()
  let echoes: Echoes | undefined
  let opening = false

  /** Echoes to the one in use keep nothing awake; a way to one that stands by is kept ready by them. */
  const note = (at: Asked['at']): void => {
    const node = nodes.get(at)
    const key = node === undefined || !used.has(node) ? undefined : peers.of(node)?.member.wgKey
    if (key !== undefined) wordBytes.set(key, (wordBytes.get(key) ?? 0) + ECHO_BYTES[familyOf(at)])
  }

  const prover = createProver({
    clock,
    onChange,
    ask(echo) {
      note(echo.at)
      echoes?.ask(echo)
    },
  })

  const canProve = ({ node, probe }: Router): boolean =>
    open !== undefined && probe !== undefined && facts.facts.get(node)?.fact.proves === true

  const begin = async (): Promise<void> => {
    opening = true
    echoes = await open?.((echo) => prover.heard(echo))
  }

  return {
    follow(groups, usedOf, { isFrugal, members }) {
      const asked = new Map<string, Asked>()
      const [inUse, times] = [new Set<NodeId>(), (isFrugal ? FRUGAL_TIMES : 1) * Math.max(1, members / askersMax)]
      for (const group of groups) {
        const node = usedOf(group)
        const isWarm = node !== undefined && paths.isWarm(node)
        if (node !== undefined) inUse.add(node)
        for (const router of group.routers) {
          if (router.probe === undefined || !canProve(router)) continue
          const { at, id } = router.probe
          const isUsed = router.node === node
          const before = asked.get(`${at} ${id}`)
          nodes.set(at, router.node)
          if (before?.everyMs !== undefined && (before.isUsed || !isWarm)) continue
          const everyMs = isWarm ? (isUsed && group.routers.length > 1 ? USED_MS : READY_MS) * times : undefined
          asked.set(`${at} ${id}`, { at, id, isUsed, everyMs })
        }
      }
      used = inUse
      if (asked.size > 0 && !opening) void begin()
      prover.follow([...asked.values()])
    },
    of(router) {
      if (router.probe === undefined) return undefined
      return canProve(router) ? prover.proof(router.probe) : 'unable'
    },
    close() {
      prover.close()
      echoes?.close()
    },
  }
}
