// The door to the API of a cluster: what is asked of it, and what it says by itself.

export interface ClusterAnswer {
  /** Of HTTP. */
  readonly status: number
  readonly body: string
  /** Seconds the server asks to be left alone for. */
  readonly retryAfterS?: number
}

export interface ClusterWatch {
  /**
   * Undefined where the server has ended it as asked; its answer where it is no watch. Rejects where the connection was lost,
   * or nothing came for too long.
   */
  readonly ended: Promise<ClusterAnswer | undefined>
}

export interface WatchEvents {
  /** The server has taken it: from now on it says what changes. */
  readonly onOpen: () => void
  /** One line of JSON for each event. What it throws ends the watch. */
  readonly onLine: (line: string) => void
  /** Milliseconds after which silence means that it is lost; asked again with each part. */
  readonly silenceMs: () => number
}

export interface ClusterDoor {
  /** Rejects with `unreachable`, `untrusted`, or what is wrong with the files that lead there. */
  get(path: string): Promise<ClusterAnswer>
  watch(path: string, events: WatchEvents): ClusterWatch
  /** Ends whatever runs. */
  close(): void
}

/** Which cluster this device looks at. */
export interface PodDoors {
  /** As the setting says it: `in-cluster`, the path of a kubeconfig, or a URL. */
  readonly source: string
  /** Name of this host as a node of the cluster: its pods alone are read. Absent: all that lie behind this node. */
  readonly node?: string | undefined
  /** Loaded once the agent runs. */
  readonly open: () => Promise<ClusterDoor>
}
