// One endpoint changed in WireGuard, which is what a failover costs once a dead path is noticed: through the agent's own
// door, and by starting `wg set` as others do.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { HoldfastError } from '../../shared/errors.ts'
import type { Bench, Figures } from './bench.ts'

const PROCESS = join(import.meta.dirname, 'wg-set-process.ts')
/** A /run of its own, so that nobody's WireGuard is in the way. */
const INSIDE = 'mount -t tmpfs tmpfs /run && mkdir /run/wireguard && ip link set lo up && exec "$@"'

export const wgSet: Bench = {
  about: 'one peer’s endpoint changed among fifty: the agent’s own door against starting `wg set`',
  runs: 3,
  budgets: { doorMs: '< wgSetMs' },
  async measure() {
    if (process.getuid?.() !== 0) throw new HoldfastError('unsupported', 'an interface needs root')
    const words = ['--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', INSIDE, 'sh']
    const said = execFileSync('unshare', [...words, process.execPath, PROCESS], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return JSON.parse(said) as Figures
  },
}
