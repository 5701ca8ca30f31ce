// A lock key on a token or smart card: the private half never leaves it. OpenSC's `pkcs11-tool` speaks with the vendor's
// library, in a process of its own, so that a faulty one can't take ours along.

import { execFileSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBase64Url } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/effects.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { verify } from '../../shared/host/crypto.ts'
import { readIfThere } from '../../shared/host/files.ts'
import type { TokenKey } from './pkcs11-uri.ts'

/** Some tokens wait for a finger. */
const PATIENCE_MS = 60_000
const COMPLAINT_MAX = 300
/** OpenSC 0.23 hands more than this over in parts, in which Ed25519 (RFC 8032) can't be done. */
const PART_BYTES_MAX = 1_024
/** Where the PIN comes from where the URI names no file; the tool finds it under the same name. */
const PIN_NAME = 'HOLDFAST_PKCS11_PIN'

const NO_PIN = `Where the token has no keys of its own for the PIN: pin-source=file:PATH in the URI, or ${PIN_NAME}.`

/** Returns what it prints. */
type Tool = (words: readonly string[]) => string
type Env = Readonly<Record<string, string | undefined>>

function whyOf(error: unknown): string {
  const { stderr } = error as { readonly stderr?: Uint8Array }
  const lines = Buffer.from(stderr ?? '')
    .toString('utf8')
    .trim()
    .split('\n')
  return (lines.find((line) => /error|fail|not found|CKR_/i.test(line)) ?? lines[0] ?? '').slice(0, COMPLAINT_MAX)
}

function toolFor(key: TokenKey, env: Env, pin: string | undefined): Tool {
  const login = pin === undefined ? ['--login'] : ['--login', '--pin', `env:${PIN_NAME}`]
  const token = key.token === undefined ? [] : ['--token-label', key.token]
  return (words) => {
    try {
      return execFileSync('pkcs11-tool', ['--module', key.modulePath, ...login, ...token, ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: PATIENCE_MS,
        env: { ...env, [PIN_NAME]: pin },
      })
    } catch (cause) {
      const { code } = cause as { readonly code?: unknown }
      if (code === 'ENOENT') {
        throw new HoldfastError('unsupported', 'the program pkcs11-tool is not installed', {
          cause,
          remedy: 'Install the package opensc.',
        })
      }
      const why = code === 'ETIMEDOUT' ? `no answer within ${PATIENCE_MS / 1_000} s` : whyOf(cause)
      throw new HoldfastError('failed', `the token refuses: ${why || 'without a word'}`, {
        remedy:
          pin === undefined
            ? NO_PIN
            : `See \`pkcs11-tool --module ${key.modulePath} --list-objects\`; is the PIN right?`,
      })
    }
  }
}

function pinOf({ pinFile }: TokenKey, env: Env): string | undefined {
  if (pinFile === undefined) return env[PIN_NAME]
  const text = readIfThere(pinFile)?.trim()
  if (text !== undefined && text !== '') return text
  throw new HoldfastError('not-found', `there is no PIN in ${pinFile}`, { field: '--key' })
}

/** What the tool writes into `name` of a directory that only this user can enter, and that is gone afterwards. */
function fromTool(run: (at: (name: string) => string) => unknown, name: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-token-'))
  try {
    const at = (file: string): string => join(directory, file)
    run(at)
    return readFileSync(at(name))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Raw Ed25519 key of a SubjectPublicKeyInfo (RFC 8410), which the tool writes in PEM or DER, by its version. */
function publicKeyIn(bytes: Buffer): Uint8Array {
  const isPem = bytes.subarray(0, 10).toString('latin1') === '-----BEGIN'
  try {
    const jwk = createPublicKey(isPem ? bytes : { key: bytes, format: 'der', type: 'spki' }).export({ format: 'jwk' })
    if (jwk.crv === 'Ed25519' && jwk.x !== undefined) return fromBase64Url(jwk.x)
  } catch {
    // Said below.
  }
  throw new HoldfastError('unsupported', 'the key on the token is not an Ed25519 key', {
    field: '--key',
    remedy: 'Make one there: `pkcs11-tool --login --keypairgen --key-type EC:edwards25519 --label NAME`.',
  })
}

/** Ids (CKA_ID, in hex) of the token's public keys with a label: the tool finds a key to sign with by its id only. */
function idsIn(listing: string, label: string): readonly string[] {
  const objects = listing.split(/^(?=\S)/m)
  const named = objects.filter((text) => /^ +label: +(.*)$/m.exec(text)?.[1] === label)
  return named.flatMap((text) => /^ +ID: +([0-9a-f]+)$/m.exec(text)?.[1] ?? [])
}

function idOf({ id, object }: TokenKey, tool: Tool): string {
  if (id !== undefined || object === undefined) return id ?? ''
  const [found, ...more] = idsIn(tool(['--list-objects', '--type', 'pubkey']), object)
  if (found !== undefined && more.length === 0) return found
  const what = found === undefined ? 'no key' : 'more than one key'
  throw new HoldfastError('not-found', `the token has ${what} under the label ${object}`, {
    field: '--key',
    remedy: 'Name it by its id, `…;id=%01`; `pkcs11-tool --list-objects --type pubkey` lists what there is.',
  })
}

function tooLong(bytes: number): HoldfastError {
  return new HoldfastError(
    'unsupported',
    `this pkcs11-tool signs ${PART_BYTES_MAX} bytes at most, and here are ${bytes}`,
    {
      remedy:
        'Install a newer OpenSC, or sign the lock with a key in a file: it has many keys, or revokes many devices.',
    },
  )
}

/** Reads the public half at once; the private half is asked for with each signature. */
export function openTokenKey(key: TokenKey, env: Env): Signer {
  const tool = toolFor(key, env, pinOf(key, env))
  const id = idOf(key, tool)
  const read = ['--read-object', '--type', 'pubkey', '--id', id]
  const publicKey = publicKeyIn(fromTool((at) => tool([...read, '--output-file', at('key')]), 'key'))

  const ask = (message: Uint8Array): Uint8Array => {
    const bytes = fromTool((at) => {
      writeFileSync(at('message'), message, { mode: 0o600 })
      const files = ['--input-file', at('message'), '--output-file', at('signature')]
      tool(['--sign', '--mechanism', 'EDDSA', '--id', id, ...files])
    }, 'signature')
    return new Uint8Array(bytes)
  }

  return {
    publicKey,
    sign(message) {
      let signature: Uint8Array
      try {
        signature = ask(message)
      } catch (cause) {
        throw message.length > PART_BYTES_MAX ? tooLong(message.length) : cause
      }
      if (verify(publicKey, message, signature)) return signature
      throw new HoldfastError('failed', 'the token signed with another key than the one it showed', {
        remedy: `Look whether it holds two keys with the id ${id}.`,
      })
    },
  }
}
