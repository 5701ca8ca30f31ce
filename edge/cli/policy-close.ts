// `holdfast policy close`: from power-on until the agent has loaded what its cache says, nothing passes the mesh. A unit of its
// own runs it before networking, so that this holds also where the agent does not start, and something else brings the
// interface up.

import { describeError } from '../../shared/errors.ts'
import { loadIdentity } from '../enrol/identity-file.ts'
import { keptInterfaceName } from '../host/interface-name.ts'
import { withStore } from './cached.ts'
import { type Cli, type Command, writeJson } from './context.ts'

/** The agent's unit may name another than the settings do. A cache that can't be read is no reason to leave anything open. */
function interfaceOf(cli: Cli): string {
  try {
    return withStore(cli, keptInterfaceName) ?? cli.settings.interface
  } catch (error) {
    cli.log.debug('the cache does not tell the name of the interface', { why: describeError(error) })
    return cli.settings.interface
  }
}

const SENTENCES = {
  'not-joined': () => 'this device has not joined a network: there is nothing to close',
  stands: (name: string) => `a policy stands already for ${name}: left as it is`,
  closed: (name: string) => `closed: nothing passes ${name} until the agent has loaded its policy`,
} as const

export const policyCloseCommand: Command = async (cli) => {
  const joined = loadIdentity(cli.files) !== undefined
  const name = interfaceOf(cli)
  const outcome = joined
    ? await cli.closePolicy({ ...cli.settings, interface: name }, cli.files, cli.log)
    : 'not-joined'
  if (cli.json) writeJson(cli, { interface: name, outcome })
  else cli.write(`${SENTENCES[outcome](name)}\n`)
  return 0
}
