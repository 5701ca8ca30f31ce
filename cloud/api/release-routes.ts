// Builds of the agent, for the devices that are to run them. A member proves itself by its device key, as for new credentials.

import { HoldfastError } from '../../shared/errors.ts'
import { parseDownloadProof } from '../../shared/wire/download.ts'
import type { ApiRoute } from './route.ts'

/** Where to begin, of `Range: bytes=N-`; 0 where the header is absent or says anything else (RFC 9110 §14.2). */
function startOf(header: string | undefined, size: number): number {
  const from = Number(/^bytes=(\d{1,15})-$/.exec(header ?? '')?.[1] ?? 0)
  if (from < size) return from
  throw new HoldfastError('invalid', `the file has ${size} bytes`, { field: 'range', remedy: 'Begin anew.' })
}

export const releaseRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/releases/:sha256',
    role: 'public',
    summary: 'A build of the agent, for a member that proves itself; goes on where it was cut off',
    reply: 'The bytes, from where `Range: bytes=N-` says',
    replyType: 'application/octet-stream',
    handle: ({ context, deps }) => {
      const proof = parseDownloadProof(context.req.header('authorization'))
      const { path, size } = deps.hub.releaseFile(proof, context.req.param('sha256') ?? '')
      const start = startOf(context.req.header('range'), size)
      const body = deps.downloads.open(proof.nodeId, path, start)
      const headers = {
        'accept-ranges': 'bytes',
        'content-length': String(size - start),
        'content-type': 'application/octet-stream',
      }
      if (start === 0) return new Response(body, { headers })
      const range = { 'content-range': `bytes ${start}-${size - 1}/${size}` }
      return new Response(body, { status: 206, headers: { ...headers, ...range } })
    },
  },
]
