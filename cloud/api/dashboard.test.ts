// The dashboard over HTTP: what is served and how, and that nothing else is to be had by its paths.

import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { utf8 } from '../../shared/bytes.ts'
import { dashboardBytesMax } from '../../shared/dashboard-limits.ts'
import { packFiles, readFilesIn, unpackFiles } from '../../shared/host/carried-files.ts'
import { setup } from './api-world.fake.ts'
import { createDashboard } from './dashboard.ts'

const page = '<!doctype html><title>Holdfast</title><script type="module" src="/assets/app-1f3a9c2b.js"></script>'
const script = 'export const words = "hold fast";\n'.repeat(200)
const files = new Map([
  ['index.html', utf8(page)],
  ['assets/app-1f3a9c2b.js', utf8(script)],
  ['assets/root.png', new Uint8Array(4_000)],
])

function serving() {
  const { call } = setup(undefined, undefined, { dashboard: createDashboard(files) })
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    call(method, path, undefined, undefined, headers)
  return { call, get }
}

test('a page for every path that is no file, so that a link into the dashboard can be opened', async () => {
  const { get } = serving()
  for (const path of ['/', '/index.html', '/nodes/alpha', '/policy?cell=a']) {
    const answer = await get(path)
    assert.equal([answer.status, await answer.text()], [200, page], path)
    assert.is(answer.headers.get('cache-control'), 'no-cache')
    assert.is(answer.headers.get('content-type'), 'text/html; charset=utf-8')
  }
})

test('the page may load itself and nothing else, and stands in no frame', async () => {
  const { get } = serving()
  const { headers } = await get('/')
  const policy = headers.get('content-security-policy') ?? ''
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
    assert.ok(policy.split('; ').includes(rule), rule)
  }
  assert.not.match(policy, /unsafe|\*|https?:/)
  assert.is(headers.get('x-content-type-options'), 'nosniff')
  assert.is(headers.get('referrer-policy'), 'no-referrer')
  assert.is(headers.get('cross-origin-opener-policy'), 'same-origin')
  assert.match(headers.get('permissions-policy') ?? '', /camera=\(\)/)
})

test('what is named after its content is kept for ever; all else is asked for again', async () => {
  const { get } = serving()
  const hashed = await get('/assets/app-1f3a9c2b.js')
  assert.match(hashed.headers.get('cache-control') ?? '', /immutable/)
  assert.is((await get('/assets/root.png')).headers.get('cache-control'), 'no-cache')
  const tag = hashed.headers.get('etag') ?? ''
  const again = await get('/assets/app-1f3a9c2b.js', { 'if-none-match': `"other", W/${tag}` })
  assert.equal([again.status, await again.text()], [304, ''])
  assert.is((await get('/assets/app-1f3a9c2b.js', { 'if-none-match': '"other"' })).status, 200)
})

test('packed for who can unpack it, each packing with a tag of its own', async () => {
  const { get } = serving()
  const path = '/assets/app-1f3a9c2b.js'
  const body = async (coding: string) => {
    const answer = await get(path, { 'accept-encoding': coding })
    assert.is(answer.headers.get('vary'), 'accept-encoding')
    const bytes = Buffer.from(await answer.arrayBuffer())
    assert.is(answer.headers.get('content-length'), String(bytes.length))
    return { bytes, coding: answer.headers.get('content-encoding'), tag: answer.headers.get('etag') }
  }
  const [brotli, gzip, plain] = [await body('gzip, br'), await body('gzip;q=1.0, br;q=0'), await body('deflate')]
  assert.equal([brotli.coding, gzip.coding, plain.coding], ['br', 'gzip', null])
  assert.is(brotliDecompressSync(brotli.bytes).toString(), script)
  assert.is(gunzipSync(gzip.bytes).toString(), script)
  assert.is(plain.bytes.toString(), script)
  assert.is(new Set([brotli.tag, gzip.tag, plain.tag]).size, 3)
  assert.is((await get('/assets/root.png', { 'accept-encoding': 'br' })).headers.get('content-encoding'), null)
})

test('HEAD has the headers alone; nobody writes there', async () => {
  const { get } = serving()
  const head = await get('/', {}, 'HEAD')
  assert.equal([head.status, await head.text()], [200, ''])
  assert.is(head.headers.get('content-length'), String(page.length))
  assert.is((await get('/', {}, 'POST')).status, 404)
})

test('the API keeps its paths, and a file that is not there is not there', async () => {
  const { call, get } = serving()
  for (const path of ['/api', '/api/', '/api/v1/secrets', '/assets/other.js', '/../hub.db', '/%2e%2e/hub.db']) {
    assert.is((await get(path)).status, 404, path)
  }
  assert.is((await get('/api/v1/nodes')).status, 401)
  const { headers } = await call('GET', '/api/v1/nodes', 'viewer')
  assert.is(headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'")
  assert.is(headers.get('cache-control'), 'no-store')
})

test('a hub without a dashboard says so', async () => {
  const { call } = setup()
  const answer = await call('GET', '/')
  assert.is(answer.status, 404)
  assert.match(await answer.text(), /without its dashboard/)
})

test('what a single file carries is what lay in the directory, without links that lead out of it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hf-dashboard-'))
  try {
    mkdirSync(join(directory, 'assets'))
    for (const [path, bytes] of files) writeFileSync(join(directory, path), bytes)
    symlinkSync('/etc/passwd', join(directory, 'assets/passwd'))
    const read = readFilesIn(directory, dashboardBytesMax)
    assert.equal([...read.keys()].sort(), [...files.keys()].sort())
    const carried = unpackFiles(packFiles(read))
    const digest = (bytes?: Uint8Array) =>
      createHash('sha256')
        .update(bytes ?? '')
        .digest('hex')
    for (const [path, bytes] of files) assert.is(digest(carried.get(path)), digest(bytes), path)
    assert.is(packFiles(new Map([...read].toReversed())), packFiles(read))
    writeFileSync(join(directory, 'huge.js'), Buffer.alloc(dashboardBytesMax))
    assert.throws(() => readFilesIn(directory, dashboardBytesMax), /at most/)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test.run()
