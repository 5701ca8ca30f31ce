// Enrolment: the only routes that devices call. They prove themselves by a join token or by their device key.

import * as v from 'valibot'
import { fromBase64, toBase64 } from '../../shared/bytes.ts'
import { parseNodeId } from '../../shared/ids.ts'
import { text } from '../../shared/intent/field.ts'
import { parseWith } from '../../shared/intent/resource.ts'
import { deviceLinks, enrolRequestSchema } from '../../shared/wire/enrol.ts'
import { renewRequestSchema } from '../../shared/wire/renew.ts'
import { parseUnderstands, understandsHeader } from '../../shared/wire/understands.ts'
import { readJson } from './body.ts'
import type { ApiRoute } from './route.ts'

const leaveSchema = v.strictObject({
  nodeId: text(parseNodeId, 'node-id'),
  /** Ed25519 signature by the device key over `leaveProofBytes`, base64. */
  proof: v.pipe(v.string(), v.base64(), v.maxLength(128)),
  links: v.optional(deviceLinks),
})

export const enrolRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/enrol/anchor',
    role: 'public',
    summary: 'The keys a device pins; trusted only where their hash is the pin of its join token',
    reply: 'Root key and TLS authority',
    handle: ({ context, deps }) => context.json(deps.hub.anchor()),
  },
  {
    method: 'GET',
    path: '/api/v1/enrol/authority',
    role: 'public',
    summary: 'The TLS authority, signed by the root key, for devices that pin one that was lost',
    reply: 'Its envelope',
    handle: ({ context, deps }) => {
      const { roots } = deps.hub.anchor()
      return context.json({ envelope: toBase64(deps.signedAuthority), ...(roots === undefined ? {} : { roots }) })
    },
  },
  {
    method: 'POST',
    path: '/api/v1/enrol',
    role: 'public',
    summary: 'Enrol a device with a join token and a proof of its keys',
    request: enrolRequestSchema,
    reply: 'Enrolled (200), or waiting for approval (202)',
    handle: async (call) => {
      const { context, deps } = call
      const request = parseWith(enrolRequestSchema, await readJson(call))
      const reply = await deps.hub.enrol(request, parseUnderstands(context.req.header(understandsHeader)))
      return context.json(reply, reply.state === 'pending' ? 202 : 200)
    },
  },
  {
    method: 'GET',
    path: '/api/v1/enrol/challenge/:node',
    role: 'public',
    summary: 'What a member signs to be given new broker credentials; the same answer about anybody',
    reply: 'The challenge',
    handle: ({ context, deps }) => {
      const node = parseNodeId(context.req.param('node') ?? '')
      return context.json({ challenge: toBase64(deps.hub.challenge(node)) })
    },
  },
  {
    method: 'POST',
    path: '/api/v1/enrol/renew',
    role: 'public',
    summary: 'Give a member that the broker refuses new credentials, for a proof of its device key',
    request: renewRequestSchema,
    reply: 'The credentials, in place of those it had',
    handle: async (call) => {
      const { context, deps } = call
      return context.json(await deps.hub.renew(parseWith(renewRequestSchema, await readJson(call))))
    },
  },
  {
    method: 'POST',
    path: '/api/v1/enrol/leave',
    role: 'public',
    summary: 'A device takes its leave',
    request: leaveSchema,
    reply: 'The device is removed',
    handle: async (call) => {
      const { context, deps } = call
      const { links, nodeId, proof } = parseWith(leaveSchema, await readJson(call))
      await deps.hub.leave(nodeId, fromBase64(proof), links)
      return context.json({ state: 'left' })
    },
  },
]
