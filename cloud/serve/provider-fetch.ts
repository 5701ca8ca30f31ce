// Requests to a provider of identities: over TLS alone, bounded in time and size, and by an authority of people's own where they
// have one.

import { request } from 'node:https'
import type { CustomFetch } from 'openid-client'
import { providerAnswerBytesMax, providerAnswerMsMax } from '../../shared/dashboard-limits.ts'
import { HoldfastError } from '../../shared/errors.ts'

function unreachable(url: URL, why: string, cause?: unknown): HoldfastError {
  return new HoldfastError('unreachable', `${url.host} did not answer: ${why}`, { cause })
}

/** `ca`: PEM; the authorities that Node trusts where absent. Rejects with `unreachable`. */
export function createProviderFetch(ca: string | undefined): CustomFetch {
  return async (address, { body, headers, method }) => {
    const url = new URL(address)
    if (url.protocol !== 'https:') throw unreachable(url, 'it is not asked without TLS')
    return await new Promise<Response>((resolve, reject) => {
      const asked = request(
        url,
        { method, headers, ...(ca === undefined ? {} : { ca }), signal: AbortSignal.timeout(providerAnswerMsMax) },
        (answer) => {
          const parts: Uint8Array[] = []
          let bytes = 0
          answer.on('data', (part: Uint8Array) => {
            bytes += part.length
            if (bytes > providerAnswerBytesMax) asked.destroy(unreachable(url, 'its answer has no end'))
            else parts.push(part)
          })
          answer.once('error', reject)
          answer.once('end', () => {
            const { statusCode: status = 502 } = answer
            const said = new Headers()
            for (const [name, values] of Object.entries(answer.headersDistinct)) {
              for (const value of values ?? []) said.append(name, value)
            }
            const empty = status === 204 || status === 304
            resolve(new Response(empty ? null : new Uint8Array(Buffer.concat(parts)), { status, headers: said }))
          })
        },
      )
      asked.once('error', (cause) => reject(unreachable(url, cause.message, cause)))
      if (typeof body === 'string' || body instanceof Uint8Array) asked.end(body)
      else asked.end(body instanceof URLSearchParams ? body.toString() : undefined)
    })
  }
}
