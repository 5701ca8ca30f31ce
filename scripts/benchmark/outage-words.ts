// What the outage benchmark and the process it watches say to each other.

/** The agent's process as it is at one moment of its simulated life. */
export interface Sample {
  /** Simulated time since the start. */
  readonly hours: number
  readonly starts: number
  readonly attempts: number
  readonly cpuMs: number
  /** After a full garbage collection. */
  readonly heapKiB: number
  readonly rssKiB: number
  readonly files: number
  /** Of the state directory. */
  readonly diskKiB: number
}

export interface ToOutage {
  readonly stateDir: string
  /** Where the hub used to be: accepts connections and ends them. */
  readonly port: number
  readonly days: number
  readonly reboots: number
}

export type FromOutage =
  | { readonly type: 'sample'; readonly sample: Sample }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly why: string }
