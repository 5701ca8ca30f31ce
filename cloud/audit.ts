// The audit log: who did what to what, and from where.

/** Who asks: an administrator's token, the local socket, or a device that enrols. For the audit log. */
export interface Actor {
  readonly name: string
  readonly role: 'viewer' | 'operator' | 'admin' | 'device'
  /** From which address, and by what: `session 192.0.2.7`; absent where the hub or a device does something itself. */
  readonly whence?: string
}

export interface AuditRow {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly actor: string
  readonly verb: string
  readonly target: string
  readonly detail: string
  /** From which address, and by what, where a person or a program did it: `session 192.0.2.7`. */
  readonly whence?: string | undefined
}

export interface AuditEntry extends AuditRow {
  /** Higher for what came later. */
  readonly id: number
}

/** What of the audit log is wanted; absent parts leave nothing out. Times are milliseconds since the Unix epoch. */
export interface AuditQuery {
  /** Only what came before the entry of that id. */
  readonly before?: number | undefined
  readonly actor?: string | undefined
  readonly verb?: string | undefined
  /** How the target begins: `node/` or `node/alpha`. */
  readonly target?: string | undefined
  readonly since?: number | undefined
  readonly until?: number | undefined
}
