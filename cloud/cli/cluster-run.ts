// cluster run: the agent of a cluster, until it is told to stop.

import { readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import { systemClock, systemEntropy } from '../../shared/host/clock.ts'
import { createLog, type LogOptions } from '../../shared/host/log.ts'
import { version } from '../../shared/version.ts'
import { createClusterAgent } from '../clusters/cluster-agent.ts'
import { type ClusterKey, parseClusterKey } from '../clusters/cluster-key.ts'
import { createHubUplink } from '../clusters/hub-uplink.ts'
import { toldKinds } from '../kubernetes/input.ts'
import { createNotify } from '../serve/notify.ts'
import type { Command, Context } from './context.ts'
import { untilStopped } from './stopped.ts'

/** A key that others of the host may read is theirs, too. In a pod, who else is there is the cluster's to say. */
function readKeyFile(path: string, isPod: boolean): string {
  try {
    if (!isPod && (statSync(path).mode & 0o077) !== 0) {
      throw new HoldfastError('forbidden', `${path} may be read by others`, { remedy: `Run: chmod 600 ${path}` })
    }
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if (isHoldfastError(cause)) throw cause
    throw new HoldfastError('not-found', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
}

function keyOf({ env, flags }: Context): ClusterKey {
  const [word, file] = [textFlag(flags, 'key'), textFlag(flags, 'key-file')]
  if (word !== undefined) return parseClusterKey(word)
  if (file !== undefined) return parseClusterKey(readKeyFile(file, env['KUBERNETES_SERVICE_HOST'] !== undefined))
  throw new HoldfastError('usage', 'the key of the cluster is missing', {
    remedy: 'Make one at the hub, `holdfast-hub cluster add NAME`, and give it as HOLDFAST_HUB_KEY or --key-file.',
  })
}

function urlOf({ flags }: Context): string {
  const url = textFlag(flags, 'url')
  if (url !== undefined) return url
  throw new HoldfastError('usage', 'the address of the hub is missing', { remedy: 'Give --url or HOLDFAST_HUB_URL.' })
}

const AGAIN_MS = 5_000

/** The API server may come up after us. Undefined where `ended` first. */
async function untilKnown(ask: () => Promise<string>, ended: AbortSignal, log: Log): Promise<string | undefined> {
  while (!ended.aborted) {
    try {
      return await ask()
    } catch (error) {
      if (isHoldfastError(error, 'usage')) throw error
      log.warn('the API server does not say which cluster this is; tries again', { why: describeError(error) })
    }
    await sleep(AGAIN_MS, undefined, { signal: ended }).catch(() => undefined)
  }
  return undefined
}

export const clusterRun: Command = async (context) => {
  const [key, url] = [keyOf(context), urlOf(context)]
  const level = (textFlag(context.flags, 'log-level') ?? 'info') as LogOptions['level']
  const isJournal = context.env['JOURNAL_STREAM'] !== undefined
  const format = (textFlag(context.flags, 'log-format') ?? (isJournal ? 'journal' : 'text')) as LogOptions['format']
  const log = createLog({ level, format, now: () => systemClock.now() })
  const effects = { clock: systemClock, entropy: systemEntropy, log }
  const bus = createHubUplink({ url, key, ...effects })
  const ending = new AbortController()
  const stopped = untilStopped().finally(() => ending.abort())
  // The client library is loaded by who follows a cluster.
  const { clusterUid, openApiCluster } = await import('../kubernetes/api-cluster.ts')
  const cluster = openApiCluster({ ...effects, kinds: toldKinds })
  const uid = await untilKnown(clusterUid, ending.signal, log)
  if (uid === undefined) return
  const { channel: network, node } = key
  const nodeLabels = switchFlag(context.flags, 'node-labels')
  const agent = createClusterAgent({ cluster, clusterUid: uid, bus, network, node, version, nodeLabels, ...effects })
  agent.start()
  const notify = createNotify(context.env, systemClock, log)
  notify.ready()
  const signal = await stopped
  log.info('stops', { signal })
  notify.stopping()
  await agent.stop()
}
