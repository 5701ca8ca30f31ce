// `apply --canary`: who goes first, as people write it.

import { HoldfastError } from '../../shared/errors.ts'
import { type AnyResource, apiVersion, parseResource, parseWith } from '../../shared/intent/resource.ts'
import { duration, durationS } from '../../shared/intent/token.ts'

const REMEDY = 'Write a share, `--canary 10%`, or a label, `--canary site=north`; both are `10%,site=north`.'

/** The canary that `10%`, `site=north` or `10%,site=north` asks for. */
export function canaryFrom(text: string, wait: string | undefined): AnyResource {
  const spec: { percent?: number; nodes?: { matchLabels: Record<string, string> }; finishAfterS?: number } = {}
  for (const part of text.split(',')) {
    const [, digits] = /^(\d{1,2})%$/.exec(part) ?? []
    const [, key, value] = /^([^=]+)=(.*)$/.exec(part) ?? []
    if (digits !== undefined && spec.percent === undefined) spec.percent = Number(digits)
    else if (key !== undefined) spec.nodes = { matchLabels: { ...spec.nodes?.matchLabels, [key]: value ?? '' } }
    else throw new HoldfastError('usage', `"${part.slice(0, 40)}" does not say who goes first`, { remedy: REMEDY })
  }
  if (wait !== undefined && wait !== 'never') spec.finishAfterS = durationS(parseWith(duration, wait))
  return parseResource({ apiVersion, kind: 'Canary', metadata: { name: 'canary' }, spec })
}
