// The command `networks`: which networks this device is a member of, and how each of them is.

import { dirname } from 'node:path'
import { renderTable } from '../../shared/cli/table.ts'
import { describeError } from '../../shared/errors.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { type StateFiles, stateFiles } from '../host/files.ts'
import { furtherName, furtherNetworks, networkDir } from '../host/networks.ts'
import { createLocalClient, isAgentDown } from '../local/client.ts'
import { type Cli, type Command, writeJson } from './context.ts'

interface Membership {
  /** What it is called here; absent for the first one. */
  readonly local?: string
  readonly network: string
  readonly node: string
  readonly hub: string
  readonly interface: string
  /** Absent for the host's own. */
  readonly namespace?: string
  readonly addresses: readonly string[]
  readonly state: 'online' | 'autonomous' | 'stopped'
  /** Why nothing is known of it, where its agent runs and does not say. */
  readonly why?: string
}

async function membershipOf(files: StateFiles, local: string | undefined): Promise<Membership | undefined> {
  const identity = loadIdentity(files)
  if (identity === undefined) return undefined
  const name = local === undefined ? undefined : furtherName(local)
  const known = {
    ...(local === undefined ? {} : { local }),
    network: identity.network.name,
    node: identity.name,
    hub: identity.hubUrl,
    interface: name ?? 'hf0',
    ...(name === undefined ? {} : { namespace: name }),
  }
  try {
    const status = await createLocalClient(files.socket).status(false)
    return { ...known, addresses: status.addresses, state: status.mode }
  } catch (error) {
    const stopped = { ...known, addresses: [], state: 'stopped' } as const
    return isAgentDown(error) ? stopped : { ...stopped, why: describeError(error) }
  }
}

export const networksCommand: Command = async (cli: Cli) => {
  const { network, state } = cli.settings
  // Of the device, whichever network it was asked in.
  const base = network === undefined ? state : dirname(dirname(state))
  const places = [
    [base, undefined] as const,
    ...furtherNetworks(base).map((local) => [networkDir(base, local), local] as const),
  ]
  const found = await Promise.all(places.map(([directory, local]) => membershipOf(stateFiles(directory), local)))
  const all = found.filter((one) => one !== undefined)
  if (cli.json) writeJson(cli, all)
  else if (all.length === 0) cli.write('this device is a member of no network: holdfast join URL --token T\n')
  else {
    const rows = all.map((one) => [
      one.local ?? '(first)',
      one.network,
      one.node,
      one.state,
      one.addresses.join(' ') || '-',
      one.namespace ?? '(host)',
      one.hub,
    ])
    cli.write(renderTable(['HERE', 'NETWORK', 'NODE', 'STATE', 'ADDRESSES', 'NAMESPACE', 'HUB'], rows))
    for (const { why } of all) if (why !== undefined) cli.note(why)
  }
  return 0
}
