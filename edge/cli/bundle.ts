// `holdfast debug bundle`: one archive for support. Every part is bounded and every part is redacted.

import { gzipSync } from 'node:zlib'
import { describeError } from '../../shared/errors.ts'
import { readIfThere } from '../../shared/host/files.ts'
import { tarOf } from '../../shared/host/tar.ts'
import type { RunCommand } from '../host/command.ts'
import type { StateFiles } from '../host/files.ts'
import { redact } from './redact.ts'

/** Of one part; a journal or a ruleset beyond that is cut, and says so. */
const PART_BYTES_MAX = 2 << 20

export interface BundleOptions {
  readonly files: StateFiles
  readonly interface: string
  /** Of systemd. */
  readonly unit?: string
  readonly run: RunCommand
  readonly now: number
  /** What the agent or, without one, the store says; by name of the file it becomes. */
  readonly parts: Readonly<Record<string, () => Promise<string>>>
}

function secretsOf(files: StateFiles): string[] {
  const identity = readIfThere(files.identity) ?? ''
  const password = /"password":\s*"([^"]*)"/.exec(identity)?.[1] ?? ''
  const former = (readIfThere(files.wgKeys) ?? '').matchAll(/"privateKey":\s*"([^"]*)"/g)
  const devices = (readIfThere(files.deviceKeys) ?? '').matchAll(/"seed":\s*"([^"]*)"/g)
  const keys = [...former, ...devices].map(([, key = '']) => key)
  return [readIfThere(files.wgKey)?.trim() ?? '', ...keys, readIfThere(files.deviceKey)?.trim() ?? '', password]
}

/** Commands whose output holds no key: `wg show` with a field, never `dump` or `showconf`. */
function commands(device: string, unit: string): Readonly<Record<string, readonly string[]>> {
  return {
    // Of the units that the packages install; elsewhere the log is where the agent's standard error goes.
    'agent.log': ['journalctl', '--unit', unit, '--lines', '5000', '--no-pager', '--output', 'short-iso'],
    'kernel/uname.txt': ['uname', '-a'],
    'kernel/sockets.txt': ['ss', '-uln'],
    'kernel/addresses.txt': ['ip', '-d', 'address', 'show'],
    'kernel/routes.txt': ['ip', 'route', 'show', 'table', 'all'],
    'kernel/routes6.txt': ['ip', '-6', 'route', 'show', 'table', 'all'],
    'kernel/rules.txt': ['ip', 'rule', 'show'],
    'kernel/nft.txt': ['nft', 'list', 'table', 'inet', 'holdfast'],
    'wireguard/endpoints.txt': ['wg', 'show', device, 'endpoints'],
    'wireguard/allowed-ips.txt': ['wg', 'show', device, 'allowed-ips'],
    'wireguard/handshakes.txt': ['wg', 'show', device, 'latest-handshakes'],
    'wireguard/transfer.txt': ['wg', 'show', device, 'transfer'],
  }
}

async function gather(part: () => Promise<string>): Promise<string> {
  try {
    const text = await part()
    return text.length > PART_BYTES_MAX
      ? `${text.slice(0, PART_BYTES_MAX)}\n[cut: ${text.length} characters in all]\n`
      : text
  } catch (error) {
    return `not to be had: ${describeError(error)}\n`
  }
}

/** A gzipped tar. */
export async function makeBundle(options: BundleOptions): Promise<Uint8Array> {
  const { files, run, now } = options
  const secrets = secretsOf(files)
  const ran = Object.entries(commands(options.interface, options.unit ?? 'holdfast')).map(
    ([name, argv]) => [name, () => run(argv)] as const,
  )
  const identity = ['identity.json', async () => readIfThere(files.identity) ?? 'not joined\n'] as const
  const content = new Map<string, string>()
  for (const [name, part] of [...Object.entries(options.parts), identity, ...ran]) {
    content.set(`holdfast/${name}`, redact(await gather(part), secrets))
  }
  return gzipSync(tarOf(content, now))
}
