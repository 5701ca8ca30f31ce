// Who this device is: what enrolment gave it. One file, mode 0600, beside the two private keys.

import * as v from 'valibot'
import { parseNetworkId, parseNodeId } from '../shared/ids.ts'
import { name, text } from '../shared/intent/field.ts'
import { anchorSchema } from '../shared/wire/enrol.ts'

export const identitySchema = v.strictObject({
  nodeId: text(parseNodeId, 'node-id'),
  name,
  network: v.strictObject({ id: text(parseNetworkId, 'network-id'), name }),
  hubUrl: v.string(),
  anchor: anchorSchema,
  /** Certificates of signing keys, base64 envelopes. */
  keys: v.array(v.string()),
  broker: v.strictObject({
    /** `mqtts://host:port` or `wss://host:port/path`. */
    urls: v.pipe(v.array(v.string()), v.minLength(1)),
    username: v.string(),
    password: v.string(),
    /** DER of the authority of a broker that is not the hub's own, base64. */
    tlsAuthority: v.optional(v.string()),
  }),
})
export type Identity = v.InferOutput<typeof identitySchema>
