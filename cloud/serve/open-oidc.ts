// The provider of identities that the settings name. Nobody asks it before somebody signs in: a hub starts without it.

import { readFileSync } from 'node:fs'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { describeError, HoldfastError } from '../../shared/errors.ts'
import { createOidc, type Oidc } from '../access/oidc.ts'
import type { OidcFile } from './oidc-settings.ts'
import { createProviderFetch } from './provider-fetch.ts'

const FILE_BYTES_MAX = 64 << 10
const CALLBACK = '/api/v1/session/oidc/callback'

/** Never tells what stands there. */
function read(path: string, field: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${path}: ${describeError(cause)}`, { field, cause })
  }
  if (text !== '' && text.length <= FILE_BYTES_MAX) return text
  throw new HoldfastError('invalid', `${path} is empty, or too long`, { field })
}

/** `url`: how the hub is reached from outside. Throws where a file that is named can't be read. */
export function openOidc(
  { caFile, clientId, clientSecretFile, issuer, name, rules, scopes = ['openid', 'profile', 'email'] }: OidcFile,
  url: () => string,
  effects: { readonly clock: Clock; readonly entropy: Entropy; readonly log: Log },
): Oidc {
  return createOidc({
    ...effects,
    settings: {
      issuer,
      clientId,
      clientSecret: clientSecretFile === undefined ? undefined : read(clientSecretFile, 'oidc.clientSecretFile'),
      name: name ?? new URL(issuer).host,
      scopes: [...new Set(['openid', ...scopes])],
      rules,
    },
    redirectUri: () => `${url()}${CALLBACK}`,
    fetch: createProviderFetch(caFile === undefined ? undefined : read(caFile, 'oidc.caFile')),
  })
}
