// What the hub says of a resource, as Kubernetes has it.

/** A Kubernetes-style condition. */
export interface ResourceCondition {
  readonly type:
    | 'Accepted'
    | 'Programmed'
    | 'Conflict'
    | 'Published'
    | 'AddressesLow'
    | 'Renumbering'
    | 'Ready'
    | 'Enrolled'
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly observedGeneration: number
  readonly lastTransitionAt: number
}
