// The name of a key on a token: a URI of RFC 7512, as `pkcs11:token=ops;object=alice?module-path=/usr/lib/x.so`. What it may
// hold is kept to what is needed to find one key; anything else is refused, because it would be ignored.

import * as v from 'valibot'
import { HoldfastError } from '../../shared/errors.ts'

export interface TokenKey {
  /** The vendor's library (PKCS #11, §3). */
  readonly modulePath: string
  /** Label of the token; undefined: the only one there is. */
  readonly token: string | undefined
  /** CKA_LABEL and CKA_ID of the key, the latter in hex; at least one of them. */
  readonly object: string | undefined
  readonly id: string | undefined
  /** File that holds the PIN. */
  readonly pinFile: string | undefined
}

const SCHEME = 'pkcs11:'
const PATH_NAMES = ['token', 'object', 'id', 'type'] as const
const QUERY_NAMES = ['module-path', 'pin-source'] as const
const EXAMPLE = 'pkcs11:token=ops;object=alice?module-path=/usr/lib/softhsm/libsofthsm2.so'

/** Of a label: 32 characters on the token itself (PKCS #11, CK_TOKEN_INFO); of an object, what a person would type. */
const label = v.pipe(v.string(), v.minLength(1), v.maxLength(255))
const file = v.pipe(v.string(), v.regex(/^\/[^\0]+$/))

export function isTokenKey(word: string): boolean {
  return word.startsWith(SCHEME)
}

function bad(why: string, cause?: unknown): HoldfastError {
  return new HoldfastError('usage', `the PKCS #11 URI ${why}`, {
    field: '--key',
    remedy: `Write it as ${EXAMPLE} (RFC 7512).`,
    ...(cause === undefined ? {} : { cause }),
  })
}

/** The bytes that percent-encoding stands for. */
function bytesOf(text: string): Buffer {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw bad('has a % without two hex digits')
  const parts = text.match(/%[0-9A-Fa-f]{2}|[^%]+/g) ?? []
  return Buffer.concat(
    parts.map((part) => (part.startsWith('%') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part, 'utf8'))),
  )
}

function attributes(text: string, separator: string, names: readonly string[]): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const part of text.split(separator).filter(Boolean)) {
    const at = part.indexOf('=')
    const name = part.slice(0, Math.max(0, at))
    if (!names.includes(name)) throw bad(`has "${(name || part).slice(0, 40)}", which means nothing here`)
    if (found.has(name)) throw bad(`has ${name} twice`)
    found.set(name, bytesOf(part.slice(at + 1)))
  }
  return found
}

function textOf(schema: typeof label | typeof file, name: string, bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined) return undefined
  const read = v.safeParse(schema, bytes.toString('utf8'))
  if (read.success) return read.output
  throw bad(schema === file ? `wants the whole path of a file in ${name}` : `has an empty or overlong ${name}`)
}

/** Throws `usage` for what is no such URI, or names no single key. */
export function parseTokenKey(uri: string): TokenKey {
  const [path = '', query = '', ...more] = uri.slice(SCHEME.length).split('?')
  if (!isTokenKey(uri) || more.length > 0) throw bad('is malformed')
  const inPath = attributes(path, ';', PATH_NAMES)
  const inQuery = attributes(query, '&', QUERY_NAMES)
  const type = inPath.get('type')?.toString('utf8') ?? 'private'
  if (type !== 'private') throw bad(`names an object of type ${type.slice(0, 20)}, not a private key`)
  const modulePath = textOf(file, 'module-path', inQuery.get('module-path'))
  if (modulePath === undefined) throw bad('lacks module-path, the library that the vendor of the token supplies')
  const source = inQuery
    .get('pin-source')
    ?.toString('utf8')
    .replace(/^file:(?:\/\/(?=\/))?/, '')
  const pinFile = textOf(file, 'pin-source', source === undefined ? undefined : Buffer.from(source, 'utf8'))
  const [object, id] = [textOf(label, 'object', inPath.get('object')), inPath.get('id')]
  if (object === undefined && (id === undefined || id.length === 0)) throw bad('names no key: it lacks object and id')
  return {
    modulePath,
    token: textOf(label, 'token', inPath.get('token')),
    object,
    id: id === undefined || id.length === 0 ? undefined : id.toString('hex'),
    pinFile,
  }
}
