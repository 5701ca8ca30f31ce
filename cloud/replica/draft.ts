// The next generation of a state: what of it is new, and the head that names all of it. Pure.

import { cutShard, type Part, packHead, type StateHead, sameParts } from './head.ts'

export interface Draft {
  readonly head: StateHead
  readonly packed: Uint8Array
  /** Those that are to be put before the head is written. */
  readonly parts: readonly Part[]
}

export interface DraftOptions extends Pick<StateHead, 'writer' | 'generation' | 'layout' | 'buckets'> {
  /** What names of parts begin with. */
  readonly base: string
}

/** `contents` of shards that may have changed, undefined where nothing is left in one. Undefined where nothing has changed. */
export function draftState(
  before: StateHead | undefined,
  { base, ...rest }: DraftOptions,
  contents: ReadonlyMap<string, Uint8Array | undefined>,
): Draft | undefined {
  const { buckets, generation, layout } = rest
  const shards = { ...before?.shards }
  const parts: Part[] = []
  let isNew =
    before === undefined ||
    before.buckets !== buckets ||
    before.layout.hub !== layout.hub ||
    before.layout.access !== layout.access
  for (const [shard, content] of contents) {
    const own = content === undefined ? [] : cutShard(base, generation, shard, content)
    if (content === undefined ? shards[shard] === undefined : sameParts(shards[shard], own)) continue
    isNew = true
    parts.push(...own)
    if (content === undefined) delete shards[shard]
    else shards[shard] = own.map(({ name }) => name)
  }
  if (!isNew) return undefined
  const head: StateHead = { format: 1, ...rest, shards }
  return { head, packed: packHead(head), parts }
}
