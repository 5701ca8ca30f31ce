// What a host's kernel holds of rules, routes and tables: the same before Holdfast came and after it went.

import type { Host } from './host.ts'

/** Rules, routes and tables of the host, without what the mesh has there anyway. */
export async function kernelOf(host: Host): Promise<string> {
  const answers = await Promise.all(
    [
      ['ip', '-4', 'rule', 'show'],
      ['ip', '-6', 'rule', 'show'],
      ['ip', '-4', 'route', 'show', 'table', 'all'],
      ['nft', 'list', 'tables'],
    ].map((argv) => host.exec(argv)),
  )
  return answers
    .join('')
    .split('\n')
    .filter((line) => !/hf0|holdfast(?:_policy|_flows|_relay)?$/.test(line))
    .join('\n')
}
