// A build that lies in a slot.

export interface Laid {
  readonly version: string
  /** What the build is known by, lower-case hex. */
  readonly sha256: string
}
