// The command `debug bundle`.

import { textFlag } from '../../shared/cli/parse.ts'
import { timeText } from '../../shared/cli/words.ts'
import { writeAtomic } from '../../shared/host/files.ts'
import { version } from '../../shared/version.ts'
import { furtherName, namespacePath } from '../host/networks.ts'
import { describeHost } from '../host/probe.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { makeBundle } from './bundle.ts'
import { cachedStatus, withStore } from './cached.ts'
import { type Cli, type Command, writeJson } from './context.ts'
import { findings } from './look.ts'

const JOURNAL_ENTRIES = 2_000

function pretty(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** What the kernel holds of a further network is inside; what others have on this host is no business of its people. */
function insideOf({ run, settings: { network } }: Cli): Cli['run'] {
  if (network === undefined) return run
  return (argv) =>
    run(argv[0] === 'journalctl' ? argv : ['nsenter', `--net=${namespacePath(furtherName(network))}`, '--', ...argv])
}

export const debugBundleCommand: Command = async (cli) => {
  const client = createLocalClient(cli.files.socket)
  const now = cli.clock.now()
  const path = textFlag(cli.flags, 'output') ?? `holdfast-${timeText(now).replaceAll(':', '')}.tar.gz`
  const bundle = await makeBundle({
    files: cli.files,
    interface: cli.settings.interface,
    run: insideOf(cli),
    unit: cli.settings.network === undefined ? 'holdfast' : `holdfast@${cli.settings.network}`,
    now,
    parts: {
      'about.json': async () =>
        pretty({ version, node: process.version, madeAt: timeText(now), host: describeHost(cli.probe) }),
      'settings.json': async () => pretty(cli.settings),
      'status.json': async () => {
        try {
          return pretty(await client.status(false))
        } catch (error) {
          if (!isAgentDown(error)) throw error
          return pretty(cachedStatus(cli))
        }
      },
      'plan.json': async () => pretty(await client.plan()),
      'paths.json': async () => pretty(await client.paths()),
      'journal.json': async () => {
        try {
          return pretty(await client.journal(JOURNAL_ENTRIES))
        } catch (error) {
          if (!isAgentDown(error)) throw error
          return pretty({ entries: withStore(cli, (store) => store.loadJournal(JOURNAL_ENTRIES)) ?? [] })
        }
      },
      'doctor.json': async () => pretty(await findings(cli)),
    },
  })
  if (path === '-') cli.write(bundle)
  else {
    writeAtomic(path, bundle)
    if (cli.json) writeJson(cli, { path, bytes: bundle.length })
    else cli.write(`${path} (${Math.ceil(bundle.length / 1_024)} KiB, without secrets)\n`)
  }
  return 0
}
