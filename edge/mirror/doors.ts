// What the mirror needs of the kernel.

/** Packets, since the table was set. */
export interface MirrorPackets {
  readonly copied: number
  /** Beyond the rate. */
  readonly spared: number
}

export interface MirrorWish {
  /** Of the mesh. */
  readonly interface: string
  readonly to: string
  /** The table, as renderMirrorTable makes it. */
  readonly ruleset: string
}

export interface MirrorDriver {
  /**
   * Looks, and puts right what differs. Throws where copies can't or must not go there, and then none do: `not-found`,
   * `conflict` where it is down, `forbidden` where they could leave this host, `unsupported` where this build or kernel
   * lacks something.
   */
  keep(wish: MirrorWish): Promise<MirrorPackets>
  /** Leaves no trace, also of what an earlier process set. */
  remove(): Promise<void>
}
