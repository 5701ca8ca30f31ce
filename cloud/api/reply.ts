// What the API says: resources in the shape people write them, and errors with their code, field and remedy.

import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type ErrorCode, HoldfastError } from '../../shared/errors.ts'
import type { Shown } from '../hub.ts'

const STATUS: Record<ErrorCode, ContentfulStatusCode> = {
  invalid: 400,
  usage: 400,
  unauthenticated: 401,
  forbidden: 403,
  'bad-signature': 403,
  untrusted: 403,
  expired: 403,
  'not-found': 404,
  conflict: 409,
  stale: 409,
  'wrong-base': 409,
  'too-large': 413,
  exhausted: 422,
  'rate-limited': 429,
  'bad-root': 500,
  corrupt: 500,
  failed: 500,
  unsupported: 501,
  unreachable: 503,
}

export interface ErrorBody {
  readonly code: ErrorCode
  readonly message: string
  readonly field?: string
  readonly line?: number
  readonly remedy?: string
}

/** An unexpected error is told as `failed` without its text, which might hold what the caller should not see. */
export function errorBody(error: unknown): ErrorBody {
  if (!(error instanceof HoldfastError)) {
    return { code: 'failed', message: 'the hub failed to answer', remedy: 'See the hub’s log.' }
  }
  const { code, message, field, line, remedy } = error
  return {
    code,
    message,
    ...(field === undefined ? {} : { field }),
    ...(line === undefined ? {} : { line }),
    ...(remedy === undefined ? {} : { remedy }),
  }
}

export function statusOf(error: unknown): ContentfulStatusCode {
  return error instanceof HoldfastError ? STATUS[error.code] : 500
}

/**
 * A resource as it is written, so that `get -o yaml | apply -f -` changes nothing: what the hub adds stands under
 * `status`, which is dropped on the way in, and under `resourceVersion`, which makes the way back safe.
 */
export function presentResource(shown: Shown): Record<string, unknown> {
  const { resource, status, uid, generation, createdAt, resourceVersion } = shown
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: { ...resource.metadata, resourceVersion },
    spec: resource.spec,
    status: { uid, generation, createdAt, ...status },
  }
}
