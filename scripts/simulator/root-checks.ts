// What must hold of the root key that a node pins: it is one that the hub had, whatever the node holds was signed under it or
// one before it, and it is only ever left for a later one.

import type { Agent } from '../../edge/agent.ts'
import { pinnedRootStatus, type RootStatus, rootValue } from '../../edge/trust/own-root.ts'
import { sha256 } from '../../shared/host/crypto.ts'
import { keyIdOf } from '../../shared/record/envelope.ts'
import { compareVersion } from '../../shared/record/head.ts'
import type { RootPin } from '../../shared/record/root.ts'
import type { Signed } from './sim-hub.ts'
import type { SimNode } from './sim-node.ts'

export interface RootChecks {
  /** After each step of the world. */
  afterStep(node: SimNode): void
  /** With everything healed and time to settle; `root` is the hub's. */
  converged(node: SimNode, root: RootPin): void
}

export interface RootChecksOptions {
  /** Every set that the hub signed, and under which root. */
  readonly history: readonly Signed[]
  readonly breach: (node: SimNode, words: string) => void
}

function named({ key, serial }: RootPin): RootStatus {
  return { key: keyIdOf(key, sha256), serial }
}

function text({ key, serial }: RootStatus): string {
  return `root key ${key}, number ${serial}`
}

export function createRootChecks({ breach, history }: RootChecksOptions): RootChecks {
  /** The newest that was ever seen on a disk, and of one life of an agent. */
  const onDisk = new Map<SimNode, { readonly words: string | undefined; readonly root: RootStatus }>()
  const inUse = new WeakMap<Agent, RootStatus>()

  const isKnown = ({ key, serial }: RootStatus): boolean =>
    history.some(({ root }) => root.serial === serial && named(root).key === key)

  const checkStep = (node: SimNode, before: RootStatus | undefined, now: RootStatus): void => {
    if (before?.key === now.key && before.serial === now.serial) return
    if (before !== undefined && now.serial <= before.serial) {
      breach(node, `went back from ${text(before)} to ${text(now)}`)
    }
    if (!isKnown(now)) breach(node, `pins what the hub never had: ${text(now)}`)
  }

  const checkAgent = (node: SimNode, agent: Agent, disk: RootStatus): void => {
    const { revision, rootKey } = agent.status()
    checkStep(node, inUse.get(agent), rootKey)
    inUse.set(agent, rootKey)
    if (rootKey.serial < disk.serial) breach(node, `believes in ${text(rootKey)}, while its disk has ${text(disk)}`)
    const held = history.find(({ version }) => compareVersion(version, revision.held) === 0)
    if (held !== undefined && held.root.serial > rootKey.serial) {
      breach(node, `holds what was signed under ${text(named(held.root))}, and pins ${text(rootKey)}`)
    }
  }

  const checkDisk = (node: SimNode): RootStatus => {
    const [words, before] = [node.disk.get(rootValue), onDisk.get(node)]
    if (before !== undefined && before.words === words) return before.root
    const root = pinnedRootStatus(node.identity, { read: () => words }, sha256)
    checkStep(node, before?.root, root)
    onDisk.set(node, { words, root })
    return root
  }

  return {
    afterStep(node) {
      const disk = checkDisk(node)
      const agent = node.agent()
      if (agent !== undefined) checkAgent(node, agent, disk)
    },
    converged(node, root) {
      const pinned = node.agent()?.status().rootKey
      const wanted = named(root)
      if (pinned === undefined || pinned.key === wanted.key) return
      breach(node, `still pins ${text(pinned)}, and the hub has ${text(wanted)}`)
    },
  }
}
