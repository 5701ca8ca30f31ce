// Every failure a person can meet has a stable code, a cause in words, and a remedy. Nothing throws a plain Error.

/** Stable codes; programs may match on them, so a code is never renamed or given a second meaning. */
export type ErrorCode =
  | 'invalid' // an input does not fit its schema
  | 'too-large' // an input exceeds a bound of limits.ts
  | 'not-found'
  | 'conflict' // optimistic concurrency, or a name or range that is taken
  | 'unauthenticated'
  | 'forbidden'
  | 'rate-limited'
  | 'expired'
  | 'exhausted' // a pool or table is full
  | 'bad-signature'
  | 'bad-root' // a set of records does not hash to its head
  | 'stale' // a head that is not newer than what is held
  | 'wrong-base' // a delta against another revision than what is held
  | 'unreachable'
  | 'untrusted' // a peer whose identity could not be proven
  | 'corrupt' // stored data does not read back as written
  | 'unsupported' // this host lacks something
  | 'failed' // a command or system call failed
  | 'usage' // the command line is off; exits 2

export interface ErrorDetail {
  /** Path of the offending field, as a person writes it: `spec.ports[0].port`. */
  readonly field?: string
  /** One-based line in the document that was read. */
  readonly line?: number
  /** What to do about it, as a sentence. */
  readonly remedy?: string
  readonly cause?: unknown
}

/** The one error class of the project. `message` names the cause; `remedy` says how to mend it. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError'
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly line: number | undefined
  readonly remedy: string | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.code = code
    this.field = detail.field
    this.line = detail.line
    this.remedy = detail.remedy
  }
}

/** What is shown of an error of unknown kind, without a stack trace. */
export function describeError(error: unknown): string {
  if (error instanceof HoldfastError) {
    const where = error.field === undefined ? '' : `${error.field}: `
    const line = error.line === undefined ? '' : ` (line ${error.line})`
    const remedy = error.remedy === undefined ? '' : ` ${error.remedy}`
    return `${where}${error.message}${line}.${remedy}`.replace(/\.\.(?=\s|$)/g, '.')
  }
  return error instanceof Error ? error.message : String(error)
}

export function isHoldfastError(error: unknown, code?: ErrorCode): error is HoldfastError {
  return error instanceof HoldfastError && (code === undefined || error.code === code)
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new HoldfastError('invalid', `value out of its type: ${JSON.stringify(value)}`)
}
