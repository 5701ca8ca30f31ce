// How a question comes, and what of it matters to whom else it is put to.

export type Transport = 'udp' | 'tcp'

export interface Asked {
  readonly name: string
  /** Of who takes longer answers by UDP, and with signatures: RFC 6891, RFC 3225. */
  readonly opt?: { readonly size: number; readonly signed: boolean } | undefined
}
