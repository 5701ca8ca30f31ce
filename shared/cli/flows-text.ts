// Flows on record as people read them.

import type { Amount, FlowEnd, FlowLoss, FlowReason } from '../flows/batch.ts'
import type { ShownFlow, ShownLoss } from '../flows/query.ts'
import type { Reason } from '../policy/decision.ts'
import { numberNames } from '../policy/number-names.ts'
import type { Cell } from './table.ts'
import { bytesText, timeText } from './words.ts'

export const flowColumns = ['UNTIL', 'VERDICT', 'FROM', 'TO', 'SERVICE', 'SENT', 'BACK', 'PATH', 'RULE'] as const

/** With the names that addresses have by now, where the device knew none. */
interface TextFlow extends ShownFlow {
  readonly sourceNow?: string
  readonly destinationNow?: string
}

function placeText(who: string, port: number | undefined): string {
  if (port === undefined) return who
  return who.includes(':') ? `[${who}]:${port}` : `${who}:${port}`
}

function endText({ address, name }: FlowEnd, now: string | undefined, port?: number): string {
  const then = placeText(name ?? address, port)
  return now === undefined ? then : `${then} (now ${now})`
}

/** Who asked, and by whom. */
function sourceText({ outside, source, sourceNow, sourcePort }: TextFlow): string {
  if (outside === undefined) return endText(source, sourceNow, sourcePort)
  const { address, port } = outside
  const who = address === undefined ? 'several outside' : placeText(address, port)
  return `${who} by ${endText(source, sourceNow)}`
}

function destinationText({ destination, destinationNow, outside }: TextFlow): string {
  const whom = endText(destination, destinationNow)
  return outside === undefined ? whom : `${whom} for ${outside.service}`
}

function serviceText({ destinationPort, flows, protocol }: ShownFlow): string {
  const word = numberNames.get(protocol) ?? `protocol ${protocol}`
  const service = destinationPort === undefined ? word : `${word} ${destinationPort}`
  return flows === undefined
    ? service
    : `${service}, ${flows} ${destinationPort === undefined && protocol !== 1 && protocol !== 58 ? 'ports' : 'flows'}`
}

export function ruleText(reason: FlowReason | Reason): string {
  switch (reason.kind) {
    case 'rule': {
      const label = reason.name === undefined ? '' : ` "${reason.name}"`
      return `${reason.policy} ${reason.direction}[${reason.index}]${label}, ${reason.tier}`
    }
    case 'isolated':
      return `no rule of ${reason.policies.join(', ')}, ${reason.direction}`
    case 'default':
      return `no policy, ${reason.direction} by default`
    case 'kernel':
      return reason.word
  }
}

function amountText({ bytes, packets }: Amount): string {
  return packets === 0 ? '-' : `${packets} (${bytesText(bytes)})`
}

export function flowRow(flow: TextFlow): readonly (string | Cell)[] {
  const { back, path, reason, sent, to, verdict, via } = flow
  return [
    timeText(to),
    verdict === 'accept' ? { text: 'accepted', tone: 'good' } : { text: 'denied', tone: 'bad' },
    sourceText(flow),
    destinationText(flow),
    serviceText(flow),
    amountText(sent),
    amountText(back),
    path === undefined ? '-' : via === undefined ? path : `${path} via ${via}`,
    ruleText(reason),
  ]
}

export const lossWords: Readonly<Record<FlowLoss['why'], string>> = {
  full: 'more flows at once than the kernel keeps apart',
  crowded: 'more flows than one batch takes',
  restart: 'the agent was not running, or was killed before it wrote them down',
  reset: 'the kernel’s counters were cleared, or policy was enforced in another way from then on',
  disk: 'the disk took no writes',
  damaged: 'the record before was not whole and was set aside; see `holdfast status`',
}

export function lossText({ amount, from, why }: ShownLoss): string {
  const much =
    amount === undefined ? 'an unknown number of packets' : `${amount.packets} packets (${bytesText(amount.bytes)})`
  return `not on record, about ${timeText(from)}: ${much}; ${lossWords[why]}`
}
