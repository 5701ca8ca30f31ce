// What an API server refuses, in words that lead somewhere, and when it is asked again.

import { HoldfastError, isHoldfastError } from '../../shared/errors.ts'
import type { ClusterAnswer } from './doors.ts'

/** Full jitter, exponential (Brooker, 2015). */
const FIRST_MS = 1_000
const LAST_MS = 60_000
/** Whoever asks to be left alone for longer is asked all the same. */
const RETRY_AFTER_S_MAX = 300

interface Refusal {
  readonly status: number
  readonly retryAfterS: number | undefined
}

function messageOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown }
    return typeof message === 'string' ? message : body
  } catch {
    return body
  }
}

function remedyOf(status: number, resource: string): string | undefined {
  switch (status) {
    case 401:
      return 'The token or the certificate is not taken: mount a service account’s, or name another kubeconfig.'
    case 403:
      return `Bind a ClusterRole to its user with the rule: apiGroups [""], resources ["${resource}"], verbs ["list", "watch"].`
    case 404:
    case 405:
    case 501:
      return 'Is this the address of a Kubernetes API server?'
    default:
      return undefined
  }
}

const codes = new Map([
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [429, 'rate-limited'],
] as const)

/** `verb`: what was asked for. */
export function answerFault(
  { body, retryAfterS, status }: ClusterAnswer,
  resource: string,
  verb: string,
): HoldfastError {
  const remedy = remedyOf(status, resource)
  const told = messageOf(body).slice(0, 300)
  const refusal: Refusal = { status, retryAfterS }
  const code = codes.get(status as 401) ?? (status >= 500 ? 'unreachable' : 'failed')
  return new HoldfastError(code, `the API server refuses to ${verb} ${resource} (${status}): ${told}`, {
    ...(remedy === undefined ? {} : { remedy }),
    cause: refusal,
  })
}

function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof HoldfastError)) return undefined
  const { cause } = error
  return typeof cause === 'object' && cause !== null && 'status' in cause ? (cause as Refusal) : undefined
}

/** The server does not know any more what came behind what we saw last. */
export function isGone(error: unknown): boolean {
  return refusalOf(error)?.status === 410
}

/** What is too much now is too much for a while, and costs the most to ask for. */
const TOO_LARGE_MS = 10 * 60_000

/** Milliseconds to wait; `failures`: in a row, this one included; `fraction` is uniform in [0, 1). */
export function retryMs(error: unknown, failures: number, fraction: number): number {
  if (isHoldfastError(error, 'too-large')) return TOO_LARGE_MS * (1 + fraction)
  const jitterMs = fraction * Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10))
  return jitterMs + Math.min(RETRY_AFTER_S_MAX, refusalOf(error)?.retryAfterS ?? 0) * 1_000
}
