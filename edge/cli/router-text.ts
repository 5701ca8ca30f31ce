// Who leads to a subnet, as a line of `holdfast status`.

import type { RouterState, RouterStatus, RouterView } from '../routers/own-routers.ts'
import { ageText } from './words.ts'

/** What an exit leads to, as blocks. */
const EXITS: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0/0', 'IPv4'],
  ['::/0', 'IPv6'],
])

function proofText({ leaves, proof, proofS = 0 }: RouterView): readonly string[] {
  const age = ageText(proofS)
  return [
    ...(proof === 'proven' ? [`proven for ${age}`] : []),
    ...(proof === 'failing' ? [`does not forward for ${age}`] : []),
    ...(proof === 'unable' ? ['can’t be asked'] : []),
    ...(leaves === true ? ['leaves'] : []),
  ]
}

function nameText(view: RouterView): string {
  const said = proofText(view)
  return said.length === 0 ? view.name : `${view.name} [${said.join(', ')}]`
}

export function routerLine({ destination, routers }: RouterStatus): string {
  const of = (wanted: RouterState): string =>
    routers.flatMap((one) => (one.state === wanted ? nameText(one) : [])).join(' ')
  const others = (['ready', 'gone'] as const).flatMap((state) => (of(state) === '' ? [] : `${state}: ${of(state)}`))
  const to = EXITS.get(destination)
  const what = to === undefined ? `route     ${destination}` : `exit      of ${to}`
  return `${what} by ${of('used') || 'nobody'}${others.length === 0 ? '' : ` (${others.join(', ')})`}`
}
