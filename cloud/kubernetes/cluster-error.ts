// What an API server answers, as failures that people can read.

import { ApiException } from '@kubernetes/client-node'
import { HoldfastError } from '../../shared/errors.ts'

function codeOf(status: number): 'not-found' | 'conflict' | 'forbidden' | 'rate-limited' | 'failed' {
  switch (status) {
    case 404:
      return 'not-found'
    case 409:
      return 'conflict'
    case 401:
    case 403:
      return 'forbidden'
    case 429:
      return 'rate-limited'
    default:
      return 'failed'
  }
}

/** What an API server says of a refusal is JSON with a sentence in it. */
function wordsOf({ body, code }: ApiException<unknown>): string {
  try {
    const said: unknown = typeof body === 'string' ? JSON.parse(body) : body
    if (typeof said === 'object' && said !== null && 'message' in said) return String(said.message)
  } catch {
    // Not JSON: a proxy in between, perhaps.
  }
  return `the API server answers ${code}`
}

export function clusterError(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error
  if (error instanceof ApiException) return new HoldfastError(codeOf(error.code), wordsOf(error))
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const words = cause instanceof Error ? cause.message : String(cause)
  return new HoldfastError('unreachable', `the API server is not reached: ${words}`, { cause: error })
}

/** Fails as a `HoldfastError` with a code for what the API server said. */
export async function asked<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw clusterError(error)
  }
}
