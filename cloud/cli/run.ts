// From words to a command: the table of what runs, and how its failure is told.

import { stringify } from 'yaml'
import { renderCompletion, shells } from '../../shared/cli/completion.ts'
import { renderMan } from '../../shared/cli/help.ts'
import { parseArgv, switchFlag } from '../../shared/cli/parse.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { carriedLicences } from '../../shared/host/carried.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { version } from '../../shared/version.ts'
import { customResourceDefinitions } from '../kubernetes/definitions.ts'
import { backup, keysExport, keysRotate, keysShow, restore } from './backup-commands.ts'
import { type Client, openClient } from './client.ts'
import { clusterAdd, clusterList, clusterRekey, clusterRemove, clusterSet } from './cluster-commands.ts'
import { clusterRun } from './cluster-run.ts'
import { argument, type Command, type Context, printJson } from './context.ts'
import { explainNode, explainPath, explainPolicy } from './explain-commands.ts'
import { audit, graph, status } from './fleet-commands.ts'
import { flows, flowsAccept } from './flow-commands.ts'
import { apply, get, remove } from './intent-commands.ts'
import {
  lockChange,
  lockEnd,
  lockExport,
  lockInit,
  lockKey,
  lockPending,
  lockSign,
  lockStatus,
  lockSubmit,
} from './lock-commands.ts'
import { nodeBundle, nodeHistory, nodeNetcheck, nodePing, nodeRotateKey } from './node-commands.ts'
import { overridesAccept, overridesDrop, overridesList, overridesShow } from './override-commands.ts'
import { policyExplain, policyTest } from './policy-commands.ts'
import { program } from './program.ts'
import { releaseAdd, releaseList, releaseRemove } from './release-commands.ts'
import { renumberAbort, renumberFinish, renumberStart, renumberStatus, renumberSwitch } from './renumber-commands.ts'
import { serve } from './serve-command.ts'
import {
  accessCreate,
  accessList,
  accessRevoke,
  approve,
  tokenCreate,
  tokenList,
  tokenRevoke,
} from './token-commands.ts'

const completion: Command = async (context) => {
  const shell = shells.find((known) => known === argument(context, 0))
  if (shell === undefined) throw new HoldfastError('usage', `the shells are ${shells.join(', ')}`)
  context.out(renderCompletion(program, shell))
}

const man: Command = async ({ out }) => out(renderMan(program, version))

const licences: Command = async ({ out }) => out(carriedLicences())

const crds: Command = async ({ out }) => {
  out(
    customResourceDefinitions()
      .map((one) => stringify(one, { aliasDuplicateObjects: false }))
      .join('---\n'),
  )
}

const showVersion: Command = async (context) => {
  if (switchFlag(context.flags, 'json')) printJson(context, { version })
  else context.out(`holdfast-hub ${version}\n`)
}

/** @testonly */
export const commands: Readonly<Record<string, Command>> = {
  serve,
  apply,
  get,
  delete: remove,
  'token create': tokenCreate,
  'token list': tokenList,
  'token revoke': tokenRevoke,
  'access create': accessCreate,
  'access list': accessList,
  'access revoke': accessRevoke,
  approve,
  'cluster add': clusterAdd,
  'cluster list': clusterList,
  'cluster set': clusterSet,
  'cluster rekey': clusterRekey,
  'cluster remove': clusterRemove,
  'cluster run': clusterRun,
  'renumber start': renumberStart,
  'renumber switch': renumberSwitch,
  'renumber finish': renumberFinish,
  'renumber abort': renumberAbort,
  'renumber status': renumberStatus,
  'lock key': lockKey,
  'lock init': lockInit,
  'lock status': lockStatus,
  'lock pending': lockPending,
  'lock sign': lockSign,
  'lock submit': lockSubmit,
  'lock change': lockChange,
  'lock end': lockEnd,
  'lock export': lockExport,
  status,
  'explain node': explainNode,
  'explain policy': explainPolicy,
  'explain path': explainPath,
  'policy explain': policyExplain,
  'policy test': policyTest,
  graph,
  audit,
  crds,
  flows,
  'flows accept': flowsAccept,
  'node ping': nodePing,
  'node netcheck': nodeNetcheck,
  'node history': nodeHistory,
  'node bundle': nodeBundle,
  'node rotate-key': nodeRotateKey,
  'overrides list': overridesList,
  'overrides show': overridesShow,
  'overrides accept': overridesAccept,
  'overrides drop': overridesDrop,
  'release add': releaseAdd,
  'release list': releaseList,
  'release remove': releaseRemove,
  backup,
  restore,
  'keys export': keysExport,
  'keys rotate': keysRotate,
  'keys show': keysShow,
  completion,
  man,
  licences,
  version: showVersion,
}

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly color: boolean
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly readInput: () => Promise<string>
  /** Ends a command that goes on until it is told. */
  readonly signal?: AbortSignal | undefined
}

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<void> {
  const parsed = parseArgv(program, argv, terminal.env)
  if ('help' in parsed) {
    terminal.out(parsed.help)
    return
  }
  const command = commands[parsed.command.name]
  if (command === undefined) throw new HoldfastError('unsupported', `${parsed.command.name} is not built in`)
  const client = (): Client => openClient(parsed.flags)
  const context: Context = { ...parsed, ...terminal, clock: systemClock, entropy: systemEntropy, client }
  await command(context)
}

/** The exit code: 0, 1 for a failure, 2 for a wrong command line. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  try {
    await dispatch(argv, terminal)
    return 0
  } catch (error) {
    terminal.err(`holdfast-hub: ${describeError(error)}\n`)
    return isHoldfastError(error, 'usage') ? 2 : 1
  }
}
