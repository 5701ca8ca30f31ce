// release add, list and remove: work on the data directory, beside a hub that runs or not.

import { readFileSync } from 'node:fs'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { fileError, makePrivateDirectory } from '../../shared/host/files.ts'
import { createLog } from '../../shared/host/log.ts'
import { layRelease, removeRelease, trustReleaseKeys } from '../release/lay-release.ts'
import { openReleases } from '../release/releases.ts'
import { type DataPaths, dataPaths } from '../serve/data-directory.ts'
import { dataDefault } from './client.ts'
import { argument, type Command, type Context, printJson, printTable } from './context.ts'

const pathsOf = ({ flags }: Context): DataPaths => dataPaths(textFlag(flags, 'data') ?? dataDefault)

function readKey(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw fileError(`read ${path}`, error)
  }
}

export const releaseAdd: Command = async (context) => {
  const { releases: root, root: data } = pathsOf(context)
  // Of a hub that is still to be started for the first time: its keys will lie there.
  makePrivateDirectory(data)
  const trusted = textFlag(context.flags, 'trust-key')
  if (trusted !== undefined) trustReleaseKeys(root, readKey(trusted))
  const { isNew, manifest } = await layRelease(root, argument(context, 0), textFlag(context.flags, 'release-keys'))
  const { version } = manifest
  context.out(
    isNew
      ? `Release ${version} is here. Send it to devices by an AgentUpdate: kind: AgentUpdate, spec: {version: ${version}}.\n`
      : `Release ${version} is here already.\n`,
  )
}

export const releaseList: Command = async (context) => {
  const { clock } = context
  const log = createLog({ level: 'warn', format: 'text', now: () => clock.now() })
  const items = openReleases(pathsOf(context).releases, { log, verify })
    .list()
    .map(({ manifest }) => manifest)
  if (switchFlag(context.flags, 'json')) {
    printJson(context, { items })
    return
  }
  const rows = items.map(({ commit, createdAt, files, version }) => [
    version,
    createdAt,
    commit.slice(0, 12),
    files.flatMap(({ kind, target }) => (kind === 'agent' ? [target] : [])).join(','),
  ])
  printTable(context, { headings: ['version', 'of', 'commit', 'agents for'], rows }, 'No releases.')
}

export const releaseRemove: Command = async (context) => {
  const version = argument(context, 0)
  if (!removeRelease(pathsOf(context).releases, version)) {
    throw new HoldfastError('not-found', `there is no release ${version.slice(0, 64)}`, {
      remedy: 'See `holdfast-hub release list`.',
    })
  }
  context.out(`Release ${version} is gone.\n`)
}
