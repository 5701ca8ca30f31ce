// How a candidate is called in sentences for people.

import type { PathCandidate, PathKind } from './path.ts'

const KINDS: Readonly<Record<PathKind, string>> = {
  lan: 'LAN',
  direct: 'direct',
  relay: 'relay',
  tls: 'TLS relay',
}

export function text({ endpoint, kind }: PathCandidate): string {
  return `${KINDS[kind]} ${endpoint}`
}
