// renumber …: the steps of a renumbering. Each is a change of intent like any other; the hub says whether it may be taken.

import { parseCidr } from '../../shared/address/cidr.ts'
import { listFlag, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { parseName } from '../../shared/ids.ts'
import type { NetworkSpec } from '../../shared/intent/network.ts'
import { movedFixed, renumberSteps } from '../../shared/intent/renumber-steps.ts'
import { apiVersion, type SpecOf } from '../../shared/intent/resource.ts'
import type { List, Presented } from '../api/answers.ts'
import { type Command, type Context, printJson } from './context.ts'

type Shown = Presented & { readonly spec: NetworkSpec }

function networkName({ flags }: Context): string {
  return textFlag(flags, 'network') ?? 'default'
}

function fetchNetwork(context: Context): Promise<Shown> {
  return context.client().get<Shown>(`/api/v1/networks/${encodeURIComponent(networkName(context))}`)
}

function withoutOf({ flags }: Context) {
  return listFlag(flags, 'without').map((name) => parseName(name))
}

async function put(
  context: Context,
  { metadata }: Shown,
  spec: NetworkSpec,
  nodes: readonly object[] = [],
): Promise<void> {
  const { name, resourceVersion } = metadata
  const network = { apiVersion, kind: 'Network', metadata: { name, resourceVersion }, spec }
  const text = [network, ...nodes].map((one) => JSON.stringify(one)).join('\n---\n')
  await context.client().send('POST', '/api/v1/apply', text)
}

/** Fixed addresses move in the same breath as the block they are in. */
async function movedNodes(context: Context, spec: NetworkSpec): Promise<readonly object[]> {
  const { items } = await context.client().get<List<Presented>>('/api/v1/nodes')
  return items.flatMap(({ metadata, spec: own }) => {
    const node = own as SpecOf<'Node'>
    if (node.network !== networkName(context) || node.addresses === undefined) return []
    const moved = { ...node, addresses: movedFixed(node.addresses, spec) }
    const { name, resourceVersion } = metadata
    return [{ apiVersion, kind: 'Node', metadata: { name, resourceVersion }, spec: moved }]
  })
}

function withMore(context: Context, spec: NetworkSpec): NetworkSpec {
  const more = withoutOf(context)
  return more.length === 0 ? spec : renumberSteps.without(spec, more)
}

function printStanding(context: Context, { metadata, spec, status }: Shown): void {
  const condition = status.conditions.find(({ type }) => type === 'Renumbering')
  if (switchFlag(context.flags, 'json')) {
    return printJson(context, { network: metadata.name, renumber: spec.renumber ?? null, condition: condition ?? null })
  }
  if (condition === undefined || spec.renumber === undefined)
    context.out(`Network ${metadata.name} is not being renumbered.\n`)
  else context.out(`Network ${metadata.name}: ${condition.message}\n`)
}

export const renumberStart: Command = async (context) => {
  const [cidr, cidr6] = [textFlag(context.flags, 'cidr'), textFlag(context.flags, 'cidr6')]
  if (cidr === undefined && cidr6 === undefined) {
    throw new HoldfastError('usage', 'renumber start needs --cidr or --cidr6', { remedy: 'Name the new block.' })
  }
  const shown = await fetchNetwork(context)
  const to = {
    ...(cidr === undefined ? {} : { cidr: parseCidr(cidr) }),
    ...(cidr6 === undefined ? {} : { cidr6: parseCidr(cidr6) }),
  }
  await put(context, shown, renumberSteps.start(shown.spec, to, withoutOf(context)))
  context.out(
    'Every node gets an address in the new block besides its own. Go on with `holdfast-hub renumber switch`.\n',
  )
}

export const renumberSwitch: Command = async (context) => {
  const shown = await fetchNetwork(context)
  const spec = withMore(context, shown.spec)
  await put(context, shown, renumberSteps.switch(spec), await movedNodes(context, spec))
  context.out('The new block counts; old addresses are still held. Go on with `holdfast-hub renumber finish`.\n')
}

export const renumberFinish: Command = async (context) => {
  const shown = await fetchNetwork(context)
  if (shown.spec.renumber?.step === 'Prepare') {
    throw new HoldfastError('conflict', 'the new block is not in use yet', {
      remedy: 'Use `holdfast-hub renumber switch` first, or `renumber abort`.',
    })
  }
  // Kept first, because what ends has no word left to say it in.
  const spec = withMore(context, shown.spec)
  if (spec !== shown.spec) await put(context, shown, spec)
  const now = spec === shown.spec ? shown : await fetchNetwork(context)
  await put(context, now, renumberSteps.end(spec))
  context.out(
    `The network has the addresses of ${[spec.cidr, spec.cidr6].flatMap((block) => block ?? []).join(' and ')} alone.\n`,
  )
}

export const renumberAbort: Command = async (context) => {
  const shown = await fetchNetwork(context)
  if (shown.spec.renumber?.step === 'Switch') {
    await put(context, shown, renumberSteps.back(shown.spec), await movedNodes(context, shown.spec))
    context.out(
      'The old block counts again; new addresses are still held. End it with `holdfast-hub renumber finish`.\n',
    )
    return
  }
  if (shown.spec.renumber?.step === 'Return') {
    context.out('It is on its way back already: `holdfast-hub renumber finish`.\n')
    return
  }
  await put(context, shown, renumberSteps.end(shown.spec))
  context.out('The new addresses go; nothing else has changed.\n')
}

export const renumberStatus: Command = async (context) => printStanding(context, await fetchNetwork(context))
