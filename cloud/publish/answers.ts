// Who is answered when: a fleet that comes back together asks together, and each answer may be a whole snapshot.

import type { Bus, Log } from '../../shared/effects.ts'
import { describeError } from '../../shared/errors.ts'
import type { NodeId } from '../../shared/ids.ts'
import { repliesAtOnceMax } from '../../shared/limits.ts'
import type { SyncRequest } from '../../shared/wire/sync.ts'
import type { Replies } from './replies.ts'

export interface Answers {
  /** Answers when it is the node's turn; a newer request for the same takes the place of one that waits. */
  ask(node: NodeId, request: SyncRequest): void
  /** Drops what waits: with the link gone, agents ask again after theirs is back. */
  clear(): void
  readonly waiting: number
}

/** Requests wait by node and kind, so no more can wait than twice the nodes there are. */
export function createAnswers(bus: Pick<Bus, 'publish'>, replies: Pick<Replies, 'answer'>, log: Log): Answers {
  const waiting = new Map<string, { readonly node: NodeId; readonly request: SyncRequest }>()
  let active = 0

  const answer = async (node: NodeId, request: SyncRequest): Promise<void> => {
    try {
      // One chunk after the other: what a slow broker has not taken yet does not pile up here.
      for (const message of replies.answer(node, request)) await bus.publish(message)
    } catch (error) {
      log.debug('a reply was not sent', { node, reason: describeError(error) })
    }
  }

  const pump = (): void => {
    for (const [key, { node, request }] of waiting) {
      if (active >= repliesAtOnceMax) return
      waiting.delete(key)
      active += 1
      void answer(node, request).finally(() => {
        active -= 1
        pump()
      })
    }
  }

  return {
    ask(node, request) {
      // What catches a node up and what lets it use relays are two wishes; neither may push the other out.
      const key = `${node} ${request.want === 'capability' ? 'capability' : 'set'}`
      waiting.delete(key)
      waiting.set(key, { node, request })
      pump()
    },
    clear: () => waiting.clear(),
    get waiting() {
      return waiting.size
    },
  }
}
