// A provider of identities as a process: node oidc-provider.fake.ts DIRECTORY [HUB [HOST]]. Takes tls.key and tls.crt of the
// directory, listens on a port of this machine, says by which address, and knows four people by any password. Where the hub is
// it may be told later, as a line: a hub that takes any port has to know its provider first.

import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { systemClock } from '../../shared/host/clock.ts'

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  ann: ['everybody', 'netops'],
  bob: ['everybody'],
  // By a clock of the provider that is behind by less than is forgiven, and by more.
  soon: ['everybody'],
  late: ['everybody'],
}
const NAMES: Readonly<Record<string, string>> = { eve: 'eve<b>@example.org' }
/** How far the clock of the provider is behind while it is about them, milliseconds; its word on anybody is good for a while. */
const BEHIND: Readonly<Record<string, number>> = { soon: 40_000, late: 3_600_000 }
const LIFE_S = 10

interface Provider {
  new (issuer: string, configuration: object): { callback(): RequestListener }
}

/** The library comes without types. */
const library: string = 'oidc-provider'
const { Provider } = (await import(library)) as { Provider: Provider }
/** When this clock was at 0; the one that the library asks is set apart from it. */
const epochMs = systemClock.now() - systemClock.monotonic()
const [, , directory = '.', toldHub, host = '127.0.0.1'] = process.argv
const server = createServer({
  key: readFileSync(join(directory, 'tls.key')),
  cert: readFileSync(join(directory, 'tls.crt')),
})

function open(issuer: string, hub: string): void {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'holdfast',
        client_secret: 'a secret of thirty-two characters',
        redirect_uris: [`${hub}/api/v1/session/oidc/callback`],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    scopes: ['openid', 'profile', 'groups'],
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
    cookies: { keys: ['of a test'] },
    ttl: { IdToken: LIFE_S },
    findAccount(_: unknown, accountId: string) {
      const behindMs = BEHIND[accountId] ?? 0
      Reflect.set(Date, 'now', () => Math.floor(epochMs + systemClock.monotonic() - behindMs))
      const preferred_username = NAMES[accountId] ?? `${accountId}@example.org`
      const groups = GROUPS[accountId] ?? []
      return { accountId, claims: () => ({ sub: accountId, preferred_username, groups }) }
    },
  })
  server.on('request', provider.callback())
}

server.listen(0, '127.0.0.1', () => {
  const issuer = `https://${host}:${(server.address() as AddressInfo).port}`
  if (toldHub === undefined || toldHub === '-') createInterface(process.stdin).once('line', (hub) => open(issuer, hub))
  else open(issuer, toldHub)
  process.stdout.write(`${issuer}\n`)
})
