// The hub's own certificate authority and server certificate, made at first start and renewed at later ones.
// Devices pin the authority in their join token, so no public authority and no DNS name is needed anywhere.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { tryParseIp } from '../../shared/address/ip.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { pemOf } from '../../shared/host/der.ts'
import { makePrivateDirectory, readIfThere, writeAtomic } from '../../shared/host/files.ts'
import { hubServerName } from '../../shared/wire/enrol.ts'
import { issueCertificate } from './certificate.ts'

const DAY_MS = 86_400_000
/** Twenty years: devices pin the authority, and a device is meant to outlive its makers' attention. */
const AUTHORITY_LIFE_MS = 20 * 365 * DAY_MS
/** Just over a year: renewed at any start within the last third, so a yearly restart never meets an expired one. */
const LEAF_LIFE_MS = 400 * DAY_MS
/** Clocks lag; a certificate that is valid since yesterday is accepted by more of them. */
const BACKDATE_MS = DAY_MS

const AUTHORITY = 'Holdfast hub authority'

export interface HubTls {
  /** PEM, for the TLS servers. */
  readonly key: string
  readonly certificate: string
  /** PEM of the authority, for clients on this machine and for brokers. */
  readonly authority: string
  /** DER of the authority, what devices pin. */
  readonly authorityDer: Uint8Array
  readonly notAfter: number
}

export interface TlsOptions {
  readonly directory: string
  /** Addresses and names the hub is reached at, beside its own name and localhost. */
  readonly hosts: readonly string[]
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
}

interface KeyPair {
  readonly key: KeyObject
  readonly certificate: X509Certificate
}

function newKey(): { key: KeyObject; pem: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  return { key: privateKey, pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() }
}

function load(directory: string, name: string): KeyPair | undefined {
  const key = readIfThere(join(directory, `${name}.key`))
  const certificate = readIfThere(join(directory, `${name}.crt`))
  if (key === undefined || certificate === undefined) return undefined
  try {
    const pair = { key: createPrivateKey(key), certificate: new X509Certificate(certificate) }
    if (!pair.certificate.checkPrivateKey(pair.key)) throw new HoldfastError('corrupt', 'key and certificate differ')
    return pair
  } catch (cause) {
    throw new HoldfastError('corrupt', `${name}.key or ${name}.crt in ${directory} cannot be used`, {
      cause,
      remedy:
        name === 'authority'
          ? 'Bring both back from a backup: devices trust this authority and no other.'
          : 'Delete both files; the hub makes new ones at its next start.',
    })
  }
}

/** Key first: a crash in between leaves a key without certificate, which the next start replaces. */
function save(directory: string, name: string, keyPem: string, certificate: Uint8Array): X509Certificate {
  writeAtomic(join(directory, `${name}.key`), keyPem)
  writeAtomic(join(directory, `${name}.crt`), pemOf(certificate))
  return new X509Certificate(certificate)
}

function makeAuthority({ directory, clock, entropy, log }: TlsOptions): KeyPair {
  const { key, pem } = newKey()
  const from = clock.now() - BACKDATE_MS
  const certificate = issueCertificate(
    {
      subject: AUTHORITY,
      issuer: AUTHORITY,
      publicKey: createPublicKey(key),
      issuerKey: key,
      notBefore: from,
      notAfter: from + AUTHORITY_LIFE_MS,
    },
    entropy,
  )
  log.info('made a certificate authority of its own', { directory })
  return { key, certificate: save(directory, 'authority', pem, certificate) }
}

function makeLeaf(options: TlsOptions, authority: KeyPair, hosts: readonly string[]): KeyPair {
  const { key, pem } = newKey()
  const from = options.clock.now() - BACKDATE_MS
  const certificate = issueCertificate(
    {
      subject: hubServerName,
      issuer: AUTHORITY,
      publicKey: createPublicKey(key),
      issuerKey: authority.key,
      notBefore: from,
      notAfter: from + LEAF_LIFE_MS,
      hosts,
    },
    options.entropy,
  )
  options.log.info('issued the certificate of the hub', { hosts: hosts.join(',') })
  return { key, certificate: save(options.directory, 'hub', pem, certificate) }
}

function names(certificate: X509Certificate, host: string): boolean {
  return (tryParseIp(host) === undefined ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined
}

/** True while the certificate is of this authority, names every host, and has a third of its life ahead. */
function stillGood(leaf: KeyPair, authority: KeyPair, hosts: readonly string[], now: number): boolean {
  const from = leaf.certificate.validFromDate.getTime()
  const to = leaf.certificate.validToDate.getTime()
  return (
    leaf.certificate.verify(authority.certificate.publicKey) &&
    now >= from &&
    to - now > (to - from) / 3 &&
    hosts.every((host) => names(leaf.certificate, host))
  )
}

export function openTls(options: TlsOptions): HubTls {
  makePrivateDirectory(options.directory)
  const hosts = [...new Set([hubServerName, 'localhost', '127.0.0.1', '::1', ...options.hosts])]
  const authority = load(options.directory, 'authority') ?? makeAuthority(options)
  const held = load(options.directory, 'hub')
  const leaf =
    held !== undefined && stillGood(held, authority, hosts, options.clock.now())
      ? held
      : makeLeaf(options, authority, hosts)
  return {
    key: leaf.key.export({ format: 'pem', type: 'pkcs8' }).toString(),
    certificate: leaf.certificate.toString(),
    authority: authority.certificate.toString(),
    authorityDer: new Uint8Array(authority.certificate.raw),
    notAfter: leaf.certificate.validToDate.getTime(),
  }
}
