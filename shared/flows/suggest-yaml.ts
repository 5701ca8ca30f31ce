// A suggested policy as a resource, and as the YAML that people read before they apply it: each rule under what it was learned
// from.

import { Document, isMap, isNode, isSeq, type Node } from 'yaml'
import { timeText } from '../cli/words.ts'
import { apiVersion } from '../intent/resource.ts'
import type { Evidence, Learned, Left, Suggestion, Unlearned } from './suggest.ts'

/** What is said above the policy; times in milliseconds since the Unix epoch. */
export interface SuggestedBy {
  readonly name: string
  readonly network: string
  readonly node: string
  readonly fromMs: number
  readonly toMs: number
  /** More lines: what the record lacks. */
  readonly lines: readonly string[]
}

const WHYS: Readonly<Record<Unlearned, string>> = {
  'one-sided': 'nobody answered, nothing was said, or it looked like a scan',
  backwards: 'they seem to be answers of connections that are older than the record',
  override: 'an override let them through, and it ends',
  gone: 'the other end is not known any more, and had no labels',
  wordless: 'policy has no word for the protocol, and a rule that names none would open all',
  ports: 'their ports are not on record',
  pod: 'they are of a pod of this node',
  room: 'a policy has no room for more rules',
}

/** Of other nodes that the policy speaks of. */
const NAMED = 3

/** What others gave as names does not get out of a comment. */
function line(text: string): string {
  return ` ${text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '?')}`
}

function leftText({ examples, flows, why }: Left): string {
  return `Not learned from ${flows} accepted flows: ${WHYS[why]} (${examples.join('; ')})`
}

function evidenceText({ ends, examples, firstMs, flows, lastMs }: Evidence, way: 'from' | 'to'): string {
  const more = ends > examples.length ? ` and ${ends - examples.length} more` : ''
  return `${flows} flows, first ${timeText(firstMs)}, last ${timeText(lastMs)}, ${way} ${examples.join(', ')}${more}`
}

/** As `apply` takes it. */
export function suggestedPolicy({ egress, ingress, subject }: Suggestion, { name, network }: SuggestedBy): object {
  const policyTypes = [...(ingress === undefined ? [] : ['Ingress']), ...(egress === undefined ? [] : ['Egress'])]
  const rules = (learned: readonly Learned[]): readonly object[] => learned.map(({ rule }) => rule)
  return {
    apiVersion,
    kind: 'Policy',
    metadata: { name },
    spec: {
      network,
      subject,
      policyTypes,
      ...(ingress === undefined ? {} : { ingress: rules(ingress) }),
      ...(egress === undefined ? {} : { egress: rules(egress) }),
    },
  }
}

function comment(document: Document, path: readonly string[], all: readonly Learned[], way: 'from' | 'to'): void {
  const list = document.getIn(path)
  if (!isSeq(list)) return
  for (const [index, item] of list.items.entries()) {
    const evidence = all[index]?.evidence
    if (evidence !== undefined && isNode(item)) (item as Node).commentBefore = line(evidenceText(evidence, way))
  }
}

export function suggestionYaml(suggestion: Suggestion, by: SuggestedBy): string {
  const { alsoOf, egress, ingress, left } = suggestion
  const document = new Document(suggestedPolicy(suggestion, by), {
    version: '1.2',
    schema: 'core',
    aliasDuplicateObjects: false,
  })
  comment(document, ['spec', 'ingress'], ingress ?? [], 'from')
  comment(document, ['spec', 'egress'], egress ?? [], 'to')
  const open = [
    ...(ingress === undefined ? ['Nothing was learned of who comes in: ingress is left as it is.'] : []),
    ...(egress === undefined ? ['Nothing was learned of whom it calls: egress is left as it is.'] : []),
  ]
  const others = alsoOf.length > NAMED ? ` and ${alsoOf.length - NAMED} more` : ''
  const wide = `It speaks of ${alsoOf.slice(0, NAMED).join(', ')}${others}, too, and ${by.node} knows nothing of their flows.`
  const head = [
    `Learned by ${by.node} from its own flows that were accepted and answered, ${timeText(by.fromMs)} to ${timeText(by.toMs)}.`,
    'Read it before you apply it: what did not happen in that time is not allowed.',
    ...(alsoOf.length === 0 ? [] : [wide]),
    ...open,
    ...left.map(leftText),
    ...by.lines,
  ]
  if (isMap(document.contents)) document.commentBefore = head.map(line).join('\n')
  return document.toString({ lineWidth: 0 })
}
