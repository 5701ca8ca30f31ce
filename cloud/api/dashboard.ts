// The dashboard's files over HTTP: each packed once, told apart by its content, and with the headers that let a page load
// nothing but itself.

import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Context } from 'hono'
import { toHex } from '../../shared/bytes.ts'
import type { FilesByPath } from '../../shared/host/carried-files.ts'
import { sha256 } from '../../shared/host/crypto.ts'

export interface Dashboard {
  /** Undefined where the path is none of the dashboard's. */
  answer(context: Context): Promise<Response | undefined>
}

const PAGE = 'index.html'
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
  webmanifest: 'application/manifest+json',
  txt: 'text/plain; charset=utf-8',
  png: 'image/png',
  ico: 'image/vnd.microsoft.icon',
  woff2: 'font/woff2',
}
/** What is packed already gains nothing. */
const PACKED = new Set(['png', 'ico', 'woff2'])
/** Shorter than this it is one packet anyway. */
const PACK_BYTES_MIN = 512
/** The builder names a file after its content: what has such a name never changes. */
const HASHED = /^assets\/.*[-.][A-Za-z0-9_]{8,}\.[a-z0-9]+$/

/** The page loads itself and speaks with this hub: no script in the page, no other host, no frame around it. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const codings = ['br', 'gzip', 'identity'] as const
type Coding = (typeof codings)[number]

interface Asset {
  readonly path: string
  readonly type: string
  readonly hash: string
  readonly as: (coding: Coding) => Promise<Uint8Array>
}

const gzipAsync = promisify(gzip)
const brotliAsync = promisify(brotliCompress)

const packers: Readonly<Record<Coding, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  br: (bytes) => brotliAsync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  gzip: (bytes) => gzipAsync(bytes, { level: constants.Z_BEST_COMPRESSION }),
  identity: (bytes) => Promise.resolve(bytes),
}

function extensionOf(path: string): string {
  return /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''
}

function assetOf(path: string, bytes: Uint8Array): Asset {
  const extension = extensionOf(path)
  const mayPack = bytes.length >= PACK_BYTES_MIN && !PACKED.has(extension)
  // Packed by the first who asks, for all who ask later.
  const made = new Map<Coding, Promise<Uint8Array>>()
  return {
    path,
    type: TYPES[extension] ?? 'application/octet-stream',
    hash: toHex(sha256(bytes)).slice(0, 32),
    as(wanted) {
      const coding = mayPack ? wanted : 'identity'
      const held = made.get(coding) ?? packers[coding](bytes)
      made.set(coding, held)
      return held
    },
  }
}

/** The smallest that the client takes (RFC 9110 §12.5.3); `q=0` is a no. */
function codingFor(header: string): Coding {
  const taken = new Set(
    header
      .slice(0, 200)
      .toLowerCase()
      .split(',')
      .filter((word) => !/;\s*q=0(?:\.0*)?\s*$/.test(word))
      .map((word) => (word.split(';')[0] ?? '').trim()),
  )
  return codings.find((coding) => taken.has(coding)) ?? 'identity'
}

function isKnown(header: string | undefined, tag: string): boolean {
  return header?.split(',').some((word) => word.trim().replace(/^W\//, '') === tag) === true
}

/** Paths are compared as they are sent: none of them leads anywhere but into the map. */
export function createDashboard(files: FilesByPath): Dashboard {
  const assets = new Map([...files].map(([path, bytes]) => [path, assetOf(path, bytes)]))

  /** A path that is no file is a page, which the program in the browser draws. */
  const find = (path: string): Asset | undefined => {
    const name = path.replace(/^\/+/, '')
    if (name === 'api' || name.startsWith('api/')) return undefined
    const asset = assets.get(name)
    if (asset !== undefined) return asset
    return extensionOf(name) === '' ? assets.get(PAGE) : undefined
  }

  return {
    async answer(context) {
      const { method, path } = context.req
      if (method !== 'GET' && method !== 'HEAD') return undefined
      const asset = find(path)
      if (asset === undefined) return undefined
      const wanted = codingFor(context.req.header('accept-encoding') ?? '')
      const [packed, plain] = [await asset.as(wanted), await asset.as('identity')]
      const coding = packed.length < plain.length ? wanted : 'identity'
      const body = coding === 'identity' ? plain : packed
      const tag = `"${asset.hash}-${coding}"`
      const headers: Record<string, string> = {
        ...HEADERS,
        'cache-control': HASHED.test(asset.path) ? 'public, max-age=31536000, immutable' : 'no-cache',
        'content-type': asset.type,
        etag: tag,
        vary: 'accept-encoding',
        ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
      }
      if (isKnown(context.req.header('if-none-match'), tag)) return new Response(null, { status: 304, headers })
      headers['content-length'] = String(body.length)
      return new Response(method === 'HEAD' ? null : new Uint8Array(body), { status: 200, headers })
    },
  }
}
