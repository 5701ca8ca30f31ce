// `holdfast self-test`: whether this build works on this machine; what the machine has and lacks is for `doctor`.

import { switchFlag } from '../../shared/cli/parse.ts'
import { renderTable } from '../../shared/cli/table.ts'
import { partPath } from '../../shared/host/parts.ts'
import { type OwnProgram, selfTest } from '../self-test/self-test.ts'
import { type Command, writeJson } from './context.ts'

/** Of a single file. A bundle has them beside it, if at all, and says of them what `doctor` says. */
const programs: readonly OwnProgram[] = [
  {
    name: 'holdfast-bpf',
    find: () => partPath('holdfast-bpf'),
    words: ['--help'],
    // The first of what it can be asked: what a program says on its way out is cut.
    says: /relay probe/,
  },
  {
    name: 'wireguard-go',
    find: () => partPath('wireguard-go'),
    words: ['--version'],
    says: /wireguard-go v\S+/,
  },
]

export const selfTestCommand: Command = async (cli) => {
  const results = await selfTest({ run: cli.run, log: cli.log, programs })
  if (cli.json) writeJson(cli, { results })
  else {
    const tones = { ok: 'good', failed: 'bad' } as const
    const rows = results.map(({ check, found, verdict }) => [check, { text: verdict, tone: tones[verdict] }, found])
    cli.write(renderTable(['check', 'verdict', 'found'], rows, switchFlag(cli.flags, 'color')))
  }
  return results.some(({ verdict }) => verdict === 'failed') ? 1 : 0
}
