// Mosquitto's dynamic-security plugin over its control topic: commands in bounded batches, answers by correlation.
// Documented at https://mosquitto.org/documentation/dynamic-security/.

import * as v from 'valibot'
import { fromUtf8, utf8 } from '../../shared/bytes.ts'
import type { Bus, BusFactory, Clock, Log, Timer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { mosquittoBatchMax, mosquittoReplyMsMax } from '../../shared/limits.ts'

export interface Acl {
  readonly acltype: 'publishClientSend' | 'publishClientReceive' | 'subscribeLiteral' | 'subscribePattern'
  readonly topic: string
  readonly priority: number
  readonly allow: boolean
}

export type Command =
  | { readonly command: 'createRole'; readonly rolename: string; readonly acls: readonly Acl[] }
  | { readonly command: 'deleteRole' | 'getRole'; readonly rolename: string }
  | ({ readonly command: 'addRoleACL'; readonly rolename: string } & Acl)
  | {
      readonly command: 'createClient'
      readonly username: string
      readonly clientid: string
      readonly password: string
      readonly roles: readonly { readonly rolename: string; readonly priority: number }[]
    }
  | {
      readonly command: 'deleteClient' | 'disableClient' | 'enableClient' | 'getClient'
      readonly username: string
    }
  | { readonly command: 'getDefaultACLAccess' }
  | {
      readonly command: 'addClientRole'
      readonly username: string
      readonly rolename: string
      readonly priority: number
    }
  | {
      readonly command: 'setDefaultACLAccess'
      readonly acls: readonly { readonly acltype: string; readonly allow: boolean }[]
    }
  | { readonly command: 'listClients'; readonly verbose: boolean; readonly count: number; readonly offset: number }

export interface Answer {
  readonly command: string
  readonly error?: string | undefined
  readonly data?: unknown
}

export interface Dynsec {
  start(onState: (up: boolean, reason: string) => void): void
  /** Answers in the order of the commands; an answer may carry an error. Rejects where Mosquitto does not answer. */
  run(commands: readonly Command[]): Promise<readonly Answer[]>
  close(): Promise<void>
}

const CONTROL = '$CONTROL/dynamic-security/v1'
const RESPONSE = `${CONTROL}/response`

const responses = v.object({
  responses: v.array(
    v.object({
      command: v.string(),
      correlationData: v.optional(v.string()),
      error: v.optional(v.string()),
      data: v.optional(v.unknown()),
    }),
  ),
})

interface Pending {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: HoldfastError) => void
  readonly timer: Timer
}

function unanswered(): HoldfastError {
  return new HoldfastError('unreachable', 'Mosquitto did not answer in time', {
    remedy: 'Check that its dynamic-security plugin is loaded and that the hub’s user has the role admin.',
  })
}

export function createDynsec(factory: BusFactory, clock: Clock, log: Log): Dynsec {
  const pending = new Map<string, Pending>()
  let count = 0
  let bus: Bus | undefined

  function settle(payload: Uint8Array): void {
    const message = v.safeParse(responses, JSON.parse(fromUtf8(payload)))
    if (!message.success) {
      log.warn('Mosquitto answered something unknown on its control topic')
      return
    }
    for (const answer of message.output.responses) {
      // Answers to other administrators come by here too; they carry no correlation of ours.
      const waiting = pending.get(answer.correlationData ?? '')
      if (waiting === undefined) continue
      pending.delete(answer.correlationData ?? '')
      waiting.timer.cancel()
      waiting.resolve({ command: answer.command, error: answer.error, data: answer.data })
    }
  }

  /** An answer belongs to its connection; none will come on the next. */
  function abandon(error: HoldfastError): void {
    for (const { timer, reject } of pending.values()) {
      timer.cancel()
      reject(error)
    }
    pending.clear()
  }

  function expect(id: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = clock.after(mosquittoReplyMsMax, () => {
        pending.delete(id)
        reject(unanswered())
      })
      pending.set(id, { resolve, reject, timer })
    })
  }

  async function runBatch(batch: readonly Command[]): Promise<readonly Answer[]> {
    if (bus === undefined) throw unanswered()
    const commands = batch.map((command) => ({ ...command, correlationData: `hf-${++count}` }))
    const answers = Promise.all(commands.map((command) => expect(command.correlationData)))
    // The publish may fail first; the answers then fail as well, later, with nobody listening.
    answers.catch(() => undefined)
    await bus.publish({ topic: CONTROL, payload: utf8(JSON.stringify({ commands })) })
    return answers
  }

  return {
    start(onState) {
      // The will is never let through by the plugin; the bus just has to have one.
      bus = factory({ filters: [RESPONSE], will: { topic: 'hf/1/control', payload: new Uint8Array() } })
      bus.start({
        onUp: () => onState(true, 'connected'),
        onDown: (reason) => {
          abandon(new HoldfastError('unreachable', `the connection to Mosquitto broke: ${reason}`))
          onState(false, reason)
        },
        onMessage: (topic, payload) => {
          if (topic === RESPONSE) settle(payload)
        },
      })
    },
    async run(commands) {
      const answers: Answer[] = []
      for (let at = 0; at < commands.length; at += mosquittoBatchMax) {
        answers.push(...(await runBatch(commands.slice(at, at + mosquittoBatchMax))))
      }
      return answers
    },
    async close() {
      abandon(unanswered())
      await bus?.close()
    },
  }
}
