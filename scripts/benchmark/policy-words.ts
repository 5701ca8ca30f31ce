// What the policy benchmark and the two ends of its mesh say to each other.

import type { Figures } from './bench.ts'

export type By = 'none' | 'bpf' | 'nft'

export interface Laid {
  /** Of the node in the large fleet that it is. */
  readonly index: number
  readonly privateKey: string
  readonly listenPort: number
  readonly mtu: number
  readonly peer: { readonly key: string; readonly endpoint: string; readonly address: string }
}

export type ToEnd =
  | { readonly type: 'lay'; readonly laid: Laid }
  | { readonly type: 'enforce'; readonly by: By }
  | { readonly type: 'serve'; readonly port: number }
  | { readonly type: 'send'; readonly address: string; readonly port: number }
  | { readonly type: 'count' }

/** Each word has one answer: bytes that came in so far, at that time. */
export type FromEnd =
  | { readonly type: 'done'; readonly figures: Figures }
  | { readonly type: 'failed'; readonly why: string }
