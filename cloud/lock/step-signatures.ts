// Under a membership lock people sign for the addresses of members, so a step of a renumbering is taken when they have signed for
// those that it leads to. It begins when they have signed for all of them: then no later step has to wait for people.

import { HoldfastError } from '../../shared/errors.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { addressLists } from '../../shared/intent/renumber-lists.ts'
import type { Resource } from '../../shared/intent/resource.ts'
import { type NodeBody, parseRecord, type RecordSet } from '../../shared/record/record.ts'
import { bodyWithNext, type Context, nodeBody } from '../compile/compile.ts'
import { names } from '../fleet/names.ts'

export interface Step {
  readonly network: string
  readonly before: NetworkSpec
  readonly after: NetworkSpec
  /** What devices are told of now. */
  readonly published: RecordSet | undefined
}

/** The nodes of the network with the addresses that they have after the step. */
type Moved = readonly { readonly node: Resource<'Node'>; readonly context: Context }[]

function publishedBody({ published }: Step, { metadata }: Resource<'Node'>): NodeBody | undefined {
  const bytes = published?.get(`node/${metadata.name}`)
  return bytes === undefined ? undefined : (parseRecord(bytes) as { readonly body: NodeBody }).body
}

/** True of a member that would be none, or could not turn to the key that it was shown, at a list of the way. */
function lacks(step: Step, { context, node }: Moved[number]): boolean {
  const { enrolment, judge } = context
  const [is, was] = [nodeBody(node, context), publishedBody(step, node)]
  if (is === undefined || was === undefined || judge === undefined) return false
  if (was.nodeId !== is.nodeId || was.wgKey !== is.wgKey) return false
  const ahead = step.before.renumber === undefined ? addressLists(step.after, is.addresses) : []
  return [is.addresses, ...ahead.map(({ addresses }) => addresses)].some((addresses) => {
    const body = nodeBody(node, { ...context, addresses })
    const next = body === undefined || was.next === undefined ? undefined : bodyWithNext(body, enrolment)
    return [body, next].some((one) => one !== undefined && judge(one) === 'unsigned')
  })
}

/** `holdfast-hub lock sign`, as it is to be called before the step. */
function signWords({ after, before, network }: Step): string {
  const { cidr, cidr6 } = (before.renumber === undefined ? after.renumber : undefined) ?? {}
  const flags = [
    ...(network === 'default' ? [] : ['--network', network]),
    ...(cidr === undefined ? [] : ['--cidr', cidr]),
    ...(cidr6 === undefined ? [] : ['--cidr6', cidr6]),
  ]
  return `holdfast-hub lock sign --all ${[...flags, '--key FILE'].join(' ')}`
}

/** Throws `conflict` where the lock's keys have not signed for addresses that members come to have. */
export function refuseUnsigned(step: Step, moved: Moved): void {
  if (step.before.renumber === undefined && step.after.renumber === undefined) return
  const lacking = moved.filter((one) => lacks(step, one)).map(({ node }) => node.metadata.name)
  if (lacking.length === 0) return
  throw new HoldfastError(
    'conflict',
    `keys of the membership lock have not signed for the addresses to come of ${names(lacking.sort())}`,
    {
      field: `Network/${step.network} spec.renumber`,
      remedy: `Sign with as many keys as it asks for: \`${signWords(step)}\`; far from the hub: \`lock pending -o FILE\` with the same blocks, \`lock sign --file FILE --all\`, \`lock submit FILE\`.`,
    },
  )
}
