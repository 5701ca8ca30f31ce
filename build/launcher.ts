// The launchers in build/out: a shell script that starts a bundle under the pinned Node, with the flags it is sized for.

import { exportLines, type ProgramName, tuningOf } from './tuning.ts'

/** Text of the launcher of `name`, which lies beside `name.mjs`. */
export function launcher(name: ProgramName): string {
  const { flags } = tuningOf(name)
  return [
    '#!/bin/sh',
    `# Starts ${name} under the Node it was built with; HOLDFAST_NODE names another.`,
    'here=$(dirname "$(readlink -f "$0")")',
    'node="$here/../../node_modules/node/bin/node"',
    '[ -x "$node" ] || node=node',
    `${exportLines(name)}exec "\${HOLDFAST_NODE:-$node}" ${[...flags, `"$here/${name}.mjs"`].join(' ')} "$@"`,
    '',
  ].join('\n')
}
