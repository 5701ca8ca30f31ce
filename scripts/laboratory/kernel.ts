// What a host's kernel holds of the mesh, as text: to see that it is whole again, or that nothing of it is left.

import type { Host } from './host.ts'

async function sorted(host: Host, argv: readonly string[]): Promise<string> {
  const { stdout } = await host.attempt(argv)
  // Link-local addresses are the kernel's own affair.
  const lines = stdout.replaceAll(/ ?fe80::\S+(?: proto kernel.*)?/g, '').split('\n')
  const tidy = lines.map((line) => line.trim()).filter(Boolean)
  return tidy.sort().join('\n')
}

/** All of the mesh that the kernel holds, without counters and without what it learns by itself. */
export async function meshState(host: Host, device = 'hf0'): Promise<string> {
  const rules = await host.attempt(['nft', '-s', '-t', 'list', 'ruleset'])
  const parts = await Promise.all([
    sorted(host, ['wg', 'show', device, 'allowed-ips']),
    sorted(host, ['ip', '-brief', 'address', 'show', 'dev', device]),
    sorted(host, ['ip', 'route', 'show', 'dev', device]),
    sorted(host, ['ip', '-6', 'route', 'show', 'dev', device]),
    sorted(host, ['sh', '-c', 'ls /sys/fs/bpf/hf_policy_*']),
  ])
  // The kernel lists tables in the order in which they came; each count of flows has a name of its own.
  const tables = rules.stdout.replaceAll(/\bepoch_\w+/g, 'epoch').split(/^(?=table )/m)
  return [...parts, ...tables.sort()].join('\n\n')
}

/** Lines that only one of two states has: what is missing, and what is too much. */
export function difference(expected: string, seen: string): string {
  const only = (a: string, b: string): readonly string[] => {
    const has = new Set(b.split('\n'))
    return a.split('\n').filter((line) => !has.has(line))
  }
  return [
    ...only(expected, seen).map((line) => `missing: ${line.trim()}`),
    ...only(seen, expected).map((line) => `too much: ${line.trim()}`),
  ].join('; ')
}

/** Everything the agent may have put into the host, one find a line; empty where it is clean. */
export async function remains(host: Host): Promise<string> {
  const looks: readonly (readonly [string, readonly string[]])[] = [
    ['interface', ['sh', '-c', 'ls /sys/class/net | grep -vxE "lo|eth[0-9]|desk"']],
    ['nft', ['nft', 'list', 'ruleset']],
    ['program', ['sh', '-c', 'ls -d /sys/fs/bpf/hf_*']],
    ['route', ['sh', '-c', 'ip route show table all; ip -6 route show table all; true']],
    ['rule', ['sh', '-c', 'for f in 4 6; do ip -$f rule; done | grep -vE "from all lookup (local|main|default) *$"']],
    ['table', ['sh', '-c', 'for f in 4 6; do ip -$f route show table all; done | grep -E "table 727"']],
    ['socket', ['ls', '-A', '/run/wireguard']],
    // Brackets, so that the words of this look are not what it finds.
    ['process', ['sh', '-c', String.raw`ps -eo args | grep -E "^(\S*/)?[w]ireguard-go |/[h]oldfast\.mjs "`]],
    ['state', ['sh', '-c', 'ls -A /var/lib/holdfast 2>/dev/null']],
  ]
  const found = await Promise.all(
    looks.map(async ([what, argv]) => {
      const lines = (await host.attempt(argv)).stdout.split('\n').filter(Boolean)
      const ours = what === 'route' ? lines.filter((line) => /\bhf0\b|100\.80\./.test(line)) : lines
      return ours.map((line) => `${what}: ${line.trim()}`)
    }),
  )
  return found.flat().join('\n')
}
