// A device is let through by the key in its record, and by nothing else.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../errors.ts'
import { createFakeAuthority } from './certificates.fake.ts'
import { systemEntropy } from './clock.ts'
import { generateSigningSeed, signerFromSeed } from './crypto.ts'
import { certificateKeeper, makeDeviceCertificate } from './device-certificate.ts'
import { connectDevice } from './pinned-device.ts'

const device = signerFromSeed(generateSigningSeed())

async function connectTo(pair: { key: string; cert: string }, deviceKey: Uint8Array, maxVersion?: 'TLSv1.2') {
  const server = createServer({ ...pair, ...(maxVersion === undefined ? {} : { maxVersion }) })
  const exported = Promise.withResolvers<Buffer>()
  server.on('secureConnection', (socket) => exported.resolve(socket.exportKeyingMaterial(32, 'test', Buffer.alloc(0))))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const socket = await connectDevice({ host: '127.0.0.1', port, timeoutMs: 30_000, deviceKey })
    const own = socket.exportKeyingMaterial(32, 'test', Buffer.alloc(0))
    // The server is done with the handshake a moment later.
    const same = (await exported.promise).equals(own)
    socket.destroy()
    return same ? 'proven, and both ends export the same' : 'proven'
  } catch (error) {
    return isHoldfastError(error) ? error.code : error
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

test('the device key of the record proves a relay; another key, another authority and old TLS do not', async () => {
  const { certificate, key } = makeDeviceCertificate(device, systemEntropy)
  const pair = { key, cert: certificate }
  assert.is(await connectTo(pair, device.publicKey), 'proven, and both ends export the same')
  assert.is(await connectTo(pair, signerFromSeed(generateSigningSeed()).publicKey), 'untrusted')
  assert.is(await connectTo(pair, new Uint8Array(3)), 'untrusted')
  assert.is(await connectTo(createFakeAuthority().issue(), device.publicKey), 'untrusted')
  assert.is(await connectTo(pair, device.publicKey, 'TLSv1.2'), 'untrusted')
})

test('a server whose device key changes shows the new one from the next connection on', async () => {
  const [former, present] = [device, signerFromSeed(generateSigningSeed())]
  let signer = former
  const live = {
    get publicKey() {
      return signer.publicKey
    },
    sign: (message: Uint8Array) => signer.sign(message),
  }
  const { certificate, key } = makeDeviceCertificate(live, systemEntropy)
  const server = createServer({ key, cert: certificate })
  server.prependListener('connection', certificateKeeper(server, live, systemEntropy))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const ask = async (deviceKey: Uint8Array): Promise<boolean> => {
    const socket = await connectDevice({ host: '127.0.0.1', port, timeoutMs: 30_000, deviceKey }).catch(() => undefined)
    socket?.destroy()
    return socket !== undefined
  }
  try {
    assert.equal([await ask(former.publicKey), await ask(present.publicKey)], [true, false])
    signer = present
    assert.equal([await ask(former.publicKey), await ask(present.publicKey)], [false, true])
  } finally {
    server.close()
    server.closeAllConnections()
  }
})

test.run()
