// What the lab asks of a device's paths.

import type { CandidateReport } from '../../edge/paths/report.ts'
import type { LabNode } from './node.ts'
import { type Seen, type Waited, waitFor } from './wait.ts'

const TIMEOUT_MS = 90_000

/** Waits until one of the ways from the node to the peer satisfies `check`. */
function seesWay(
  node: LabNode,
  peer: string,
  expected: string,
  check: (way: CandidateReport) => boolean,
): Promise<Waited<CandidateReport>> {
  return waitFor(
    `${node.name} to ${peer}: ${expected}`,
    async (): Promise<Seen<CandidateReport>> => {
      const { peers } = await node.paths()
      const ways = peers.find(({ name }) => name === peer)?.candidates ?? []
      const found = ways.find(check)
      if (found !== undefined) return { done: found }
      return {
        notYet: ways
          .map(
            (one) =>
              `${one.kind} ${one.endpoint} ${one.state}${one.mtu === undefined ? '' : ` MTU ${one.mtu.bytes}`}: ${one.reason}`,
          )
          .join('; '),
      }
    },
    { timeoutMs: TIMEOUT_MS, everyMs: 50 },
  )
}

/** Waits until the peer is reached by that kind of path, and that relay where one is named, and has answered on it. */
export function reaches(
  node: LabNode,
  peer: string,
  kind: CandidateReport['kind'],
  via?: string,
): Promise<Waited<CandidateReport>> {
  return seesWay(
    node,
    peer,
    `reached by ${kind}${via === undefined ? '' : ` via ${via}`}`,
    (way) =>
      way.inUse &&
      way.kind === kind &&
      way.lastAnswerAgeMs !== undefined &&
      (via === undefined || (way.via === via && way.state === 'valid')),
  )
}

/** Waits until packets of so many bytes, and no larger ones, are known to get through by the way in use. */
export function carries(node: LabNode, peer: string, bytes: number): Promise<Waited<CandidateReport>> {
  return seesWay(
    node,
    peer,
    `packets of up to ${bytes} bytes get through`,
    ({ inUse, mtu }) => inUse && mtu?.bytes === bytes && mtu.measuredAgeMs !== undefined,
  )
}

/** Waits until a relay to the peer is proven, and not in use. */
export function standsBy(node: LabNode, peer: string): Promise<Waited<CandidateReport>> {
  return seesWay(
    node,
    peer,
    'a relay is kept ready',
    (way) => way.kind === 'relay' && way.state === 'valid' && !way.inUse,
  )
}
