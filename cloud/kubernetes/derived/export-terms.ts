// What an exported service is as a whole, which no cluster can have otherwise than the others: whether it has an address, and
// whether a client stays with its backend. Where clusters differ, the oldest ServiceExport counts for all (KEP-1645, conflict
// resolution). Pure.
//
// What each of them wants stands beside what it got, at the Service of the hub, so that it counts when another one goes.

import { compareText } from '../../../shared/bytes.ts'
import type { Resource } from '../../../shared/intent/resource.ts'
import type { InputObject } from '../input.ts'

export interface Terms {
  readonly headless: boolean
  /** Seconds, as Kubernetes has it; absent where clients go by lot. */
  readonly clientAffinityS?: number
}

/** As one cluster wants it. */
export interface Wish {
  readonly cluster: string
  /** When its ServiceExport was made, RFC 3339; empty where nobody says: it counts after all others. */
  readonly since: string
  readonly terms: Terms
}

export interface Settled {
  readonly terms: Terms
  /** Why its own wish, or another's, does not count: a word of that API, and a sentence. */
  readonly conflict?: { readonly reason: string; readonly message: string }
}

/** As an annotation of a ServiceExport: when it was made, by the word of its API server. */
export const createdAnnotation = 'holdfast.dev/created-at'
const wishAnnotation = 'holdfast.dev/export-wish'
/** What Kubernetes has where a Service says no other. */
const AFFINITY_S = 10_800
const WISH = /^(\S*) (Headless|ClusterSetIP) (?:None|ClientIP\/(\d{1,5}))$/

type Loose = Readonly<Record<string, unknown>>

function looseOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null ? (value as Loose) : {}
}

/** Of the spec of a Service of Kubernetes. */
export function termsOf(service: Loose): Terms {
  if (service['clusterIP'] === 'None') return { headless: true }
  if (service['sessionAffinity'] !== 'ClientIP') return { headless: false }
  const { timeoutSeconds } = looseOf(looseOf(service['sessionAffinityConfig'])['clientIP'])
  return { headless: false, clientAffinityS: typeof timeoutSeconds === 'number' ? timeoutSeconds : AFFINITY_S }
}

export function wishOf({ annotations }: Pick<InputObject, 'annotations'>, cluster: string, service: Loose): Wish {
  const since = annotations[createdAnnotation] ?? ''
  return { cluster, since: /^[0-9TZ:.-]{0,40}$/.test(since) ? since : '', terms: termsOf(service) }
}

function typeText({ headless }: Terms): string {
  return headless ? 'Headless' : 'ClusterSetIP'
}

function affinityText({ clientAffinityS }: Terms): string {
  return clientAffinityS === undefined ? 'None' : `ClientIP/${clientAffinityS}`
}

/** To be kept beside what the cluster got. */
export function wishAnnotations({ since, terms }: Wish): Readonly<Record<string, string>> {
  return { [wishAnnotation]: `${since} ${typeText(terms)} ${affinityText(terms)}` }
}

/** Of a Service of the hub; one without a word on it is as it was wanted. Undefined where it is not exported. */
export function heldWish({ metadata, spec }: Resource<'Service'>): Wish | undefined {
  if (spec.export === undefined) return undefined
  const { cluster } = spec.export
  const [, since = '', type, affinity] = WISH.exec(metadata.annotations?.[wishAnnotation] ?? '') ?? []
  if (type !== undefined) {
    const more = affinity === undefined ? {} : { clientAffinityS: Number(affinity) }
    return { cluster, since, terms: { headless: type === 'Headless', ...more } }
  }
  const { clientAffinityS, headless = false } = spec
  return { cluster, since: '', terms: { headless, ...(clientAffinityS === undefined ? {} : { clientAffinityS }) } }
}

/** Last of all where nobody says when. */
function ageOf({ since }: Wish): string {
  return since === '' ? '~' : since
}

/** What differs first, in words of that API. */
function reasonOf(a: Terms, b: Terms): string | undefined {
  if (a.headless !== b.headless) return 'TypeConflict'
  if ((a.clientAffinityS === undefined) !== (b.clientAffinityS === undefined)) return 'SessionAffinityConflict'
  return a.clientAffinityS === b.clientAffinityS ? undefined : 'SessionAffinityConfigConflict'
}

function wordsOf(reason: string, terms: Terms): string {
  return reason === 'TypeConflict' ? `of type ${typeText(terms)}` : `with session affinity ${affinityText(terms)}`
}

/** `others`: of the same service in other clusters. */
export function settle(own: Wish, others: readonly Wish[]): Settled {
  const [oldest = own] = [own, ...others].sort(
    (a, b) => compareText(ageOf(a), ageOf(b)) || compareText(a.cluster, b.cluster),
  )
  const { terms } = oldest
  for (const other of others.toSorted((a, b) => compareText(a.cluster, b.cluster))) {
    const reason = reasonOf(own.terms, other.terms)
    if (reason === undefined) continue
    const message = `cluster ${other.cluster} exports it ${wordsOf(reason, other.terms)}, and here it is ${wordsOf(reason, own.terms)}: that of cluster ${oldest.cluster}, the oldest export, counts for all`
    return { terms, conflict: { reason, message } }
  }
  return { terms }
}
