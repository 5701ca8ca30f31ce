// Which nodes a Gateway is, who may come there, and at which of their addresses: what its annotations say, or those of its class,
// and `spec.addresses`. Without a word on nodes and on who may come nothing is opened. Pure.

import { HoldfastError } from '../../../shared/errors.ts'
import type { Selector } from '../../../shared/intent/field.ts'
import { type Publication, publications } from '../../../shared/intent/publish.ts'
import { parseWith } from '../../../shared/intent/resource.ts'
import type { InputObject } from '../input.ts'
import { parseLabelSelector } from './label-selector.ts'
import type { GatewaySpec } from './objects.ts'

/** A label selector, as for `kubectl -l`: nodes of the network. */
const nodesAnnotation = 'holdfast.dev/gateway-nodes'
/** Blocks of addresses with commas between, or `LAN`. */
const fromAnnotation = 'holdfast.dev/gateway-from'
/** Names of interfaces with commas between; all that lead to a network where it is absent. */
const interfacesAnnotation = 'holdfast.dev/gateway-interfaces'

export type Terms = Pick<Publication, 'gateways' | 'from'> & Partial<Pick<Publication, 'interfaces' | 'addresses'>>

/** Why a Gateway is not taken: a word of that API, and a sentence. */
export interface Refusal {
  readonly reason: string
  readonly message: string
}

export function isRefusal(value: object): value is Refusal {
  return 'reason' in value && 'message' in value
}

function listIn(text: string): readonly string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}

function invalid(message: string): Refusal {
  return { reason: 'Invalid', message }
}

function missing(annotation: string, what: string): Refusal {
  return invalid(`nobody says ${what}: write the annotation ${annotation} at the Gateway or its GatewayClass`)
}

function selectorIn(text: string): Selector | Refusal {
  try {
    return parseLabelSelector(text)
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    return invalid(`${nodesAnnotation}: ${error.message}`)
  }
}

/** `200.0.113.7` as the block of itself. */
function blockOf(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`
}

export function termsOf(
  { annotations }: Pick<InputObject, 'annotations'>,
  spec: GatewaySpec,
  byClass: Pick<InputObject, 'annotations'>,
): Terms | Refusal {
  const said = (key: string): string | undefined => annotations[key] ?? byClass.annotations[key]
  if (spec.infrastructure?.parametersRef !== undefined)
    return { reason: 'InvalidParameters', message: 'infrastructure.parametersRef is not read here; write annotations' }
  const [nodes, from] = [said(nodesAnnotation), said(fromAnnotation)]
  if (nodes === undefined) return missing(nodesAnnotation, 'which nodes it is')
  if (from === undefined) return missing(fromAnnotation, 'who may come')
  const odd = spec.addresses.find(({ type, value }) => type !== 'IPAddress' || value === undefined)
  if (odd !== undefined) {
    const message = 'addresses are of type IPAddress and have a value here: own addresses of its nodes'
    return { reason: 'UnsupportedAddress', message }
  }
  const gateways = selectorIn(nodes)
  if (isRefusal(gateways)) return gateways
  const interfaces = listIn(said(interfacesAnnotation) ?? '')
  const blocks = spec.addresses.flatMap(({ value }) => (value === undefined ? [] : [blockOf(value)]))
  const more = {
    ...(interfaces.length === 0 ? {} : { interfaces }),
    ...(blocks.length === 0 ? {} : { addresses: blocks }),
  }
  try {
    const [first] = parseWith(publications, [{ gateways, port: 1, from: listIn(from), ...more }]) ?? []
    if (first === undefined) return missing(fromAnnotation, 'who may come')
    const { addresses, from: sources, interfaces: links } = first
    return {
      gateways,
      from: sources,
      ...(links === undefined ? {} : { interfaces: links }),
      ...(addresses === undefined ? {} : { addresses }),
    }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    const field = (error.field ?? '').replace(/^\d+\.?/, '')
    const where = field.startsWith('addresses')
      ? 'spec.addresses'
      : field.startsWith('from')
        ? fromAnnotation
        : interfacesAnnotation
    return invalid(`${where}: ${error.message}`)
  }
}
