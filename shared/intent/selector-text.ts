// A selector in one short phrase, as tables and explanations show it.

import type { Selector } from './field.ts'

/** `site=alpha,tier In a|b`; of one that selects all: `every node`. */
export function selectorText(selector: Selector): string {
  const parts = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(selector.matchExpressions ?? []).map(({ key, operator, values = [] }) =>
      `${key} ${operator} ${values.join('|')}`.trim(),
    ),
  ]
  return parts.length === 0 ? 'every node' : parts.join(',')
}
