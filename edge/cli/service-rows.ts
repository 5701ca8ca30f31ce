// The services of the network in `holdfast status`: where each is, who gets its flows from here, and who does not and why.

import type { AgentStatus } from '../agent.ts'
import type { BackendStatus } from '../services/status.ts'
import { rttText } from './words.ts'

export const SERVICES = ['SERVICE', 'ADDRESSES', 'IN USE', 'SERVED BY', 'OTHERS']

/** What a line has room for. */
const NAMED_MAX = 5

function listed(words: readonly string[]): string {
  const more = words.length - NAMED_MAX
  return `${words.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function nameText({ behind, name }: BackendStatus): string {
  return behind === undefined ? name : `${name} behind ${behind}`
}

function otherText(one: BackendStatus): string {
  const { state, why } = one
  const words = `${nameText(one)} ${state === 'stands-by' ? 'stands by' : state}`
  return why === undefined ? words : `${words} (${why})`
}

export function serviceRows({ services = [] }: Pick<AgentStatus, 'services'>): readonly (readonly string[])[] {
  return services.map(({ addresses, backends, inUse, name }) => {
    const serving = backends.filter(({ state }) => state === 'serves')
    const others = backends.filter(({ state }) => state !== 'serves')
    const by = serving.map((one) => {
      return one.rttMs === undefined ? nameText(one) : `${nameText(one)} ${rttText(one.rttMs)}`
    })
    return [
      name,
      addresses.join(' ') || 'those that serve',
      inUse ? 'yes' : 'no',
      by.length === 0 ? (addresses.length === 0 ? 'nobody' : 'nobody: it is refused') : listed(by),
      others.length === 0 ? '-' : listed(others.map(otherText)),
    ]
  })
}
