// How this node stands with its cluster, in a line.

import type { KubernetesView } from '../pods/view.ts'
import { ageText } from './words.ts'

function countsText({ doubled, elsewhere, leftOut, named, pods, unreadable }: KubernetesView): string {
  const parts: readonly (readonly [number, string])[] = [
    [pods - named, 'told by address alone'],
    [leftOut, 'left out, for there are too many'],
    [elsewhere, 'not behind this node'],
    [doubled, 'with the address of another'],
    [unreadable, 'unreadable'],
  ]
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return `${pods} pods${told.length === 0 ? '' : ` (${told.join(', ')})`}`
}

export function kubernetesText(view: KubernetesView): string {
  const { failure, heardAgoS, node, source, state } = view
  const of = node === undefined ? '' : ` of node ${node}`
  const heard = heardAgoS === undefined ? 'not heard since the start' : `last heard ${ageText(heardAgoS)} ago`
  const how = state === 'reading' ? heard : `${heard}; what was known holds`
  return `${countsText(view)}${of} by ${source}, ${how}${failure === undefined ? '' : `: ${failure}`}`
}
