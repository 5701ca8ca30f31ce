// The launchers in build/out: a shell script that starts a bundle under the pinned Node, with the flags it is sized for.

interface Tuning {
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** The agent lives on small devices: a small young generation and one malloc arena save 1–2 MiB and cost nothing here. */
const AGENT: Tuning = {
  flags: ['--max-semi-space-size=1'],
  // Two threads and not one: a name lookup that hangs without DNS must not hold up a file write.
  environment: { MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '2' },
}
const HUB: Tuning = { flags: [], environment: {} }

/** Text of the launcher of `name`, which lies beside `name.mjs`. */
export function launcher(name: 'holdfast' | 'holdfast-hub'): string {
  const { flags, environment } = name === 'holdfast' ? AGENT : HUB
  const exports = Object.entries(environment).map(([key, value]) => `export ${key}="\${${key}:-${value}}"`)
  return [
    '#!/bin/sh',
    `# Starts ${name} under the Node it was built with; HOLDFAST_NODE names another.`,
    'here=$(dirname "$(readlink -f "$0")")',
    'node="$here/../../node_modules/node/bin/node"',
    '[ -x "$node" ] || node=node',
    ...exports,
    `exec "\${HOLDFAST_NODE:-$node}" ${[...flags, `"$here/${name}.mjs"`].join(' ')} "$@"`,
    '',
  ].join('\n')
}
