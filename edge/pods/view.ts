// How this node stands with its cluster, as people see it.

export interface KubernetesView {
  /** As the setting says it. */
  readonly source: string
  /** The cluster's node whose pods alone are read; absent where all are. */
  readonly node?: string
  /** `reading`: what is told follows the API server. `waiting`: it is not heard, and what was known holds. */
  readonly state: 'reading' | 'waiting'
  /** Seconds since it was last heard; absent where it never was since the start. */
  readonly heardAgoS?: number
  /** Pods that this node tells of, … */
  readonly pods: number
  /** … those of them that it calls by their names, … */
  readonly named: number
  /** … those there was no room for, … */
  readonly leftOut: number
  /** … those whose addresses don't lie behind it, … */
  readonly elsewhere: number
  /** … those whose address another one has, and those that can't be read. */
  readonly doubled: number
  readonly unreadable: number
  /** Why it waits, or what it can't read. */
  readonly failure?: string
}
