// Rules on who may import whom: shared ← edge, shared ← cloud, and the two meet only in scripts.

import { type Finding, type Import, lineOf, type Source } from './source.ts'

/** Files that put the real drivers together; everybody else sees only the seam. */
const COMPOSITION_ROOTS = /^(?:edge\/main\.ts|edge\/command\/|scripts\/|build\/)/
/** What runs in the browsers of people. */
const DASHBOARD = 'cloud/dashboard/'
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  shared: ['shared'],
  edge: ['shared', 'edge'],
  cloud: ['shared', 'cloud'],
  build: ['shared', 'build'],
  scripts: ['shared', 'edge', 'cloud', 'build', 'scripts'],
}

function top(path: string): string {
  return path.split('/')[0] ?? ''
}

function isBuiltIn(from: string): boolean {
  return from.startsWith('node:')
}

/** A driver that touches the machine, as against the seam, its types and its fakes. */
function isRealDriver(path: string): boolean {
  return path.startsWith('edge/drivers/') && path !== 'edge/drivers/driver.ts' && !path.endsWith('.fake.ts')
}

function inBrowser(path: string): boolean {
  return (path.startsWith('shared/') && !path.startsWith('shared/host/')) || path.startsWith(DASHBOARD)
}

function checkImport(source: Source, one: Import): string | undefined {
  const { path, isTest } = source
  const { from, target } = one
  const browserSafe = inBrowser(path) && !isTest
  if (path.startsWith(DASHBOARD) && !isTest && target !== undefined && !one.typeOnly) {
    if (!inBrowser(target)) return `${target}: runs at the hub; the dashboard takes only types of it`
  }
  if (browserSafe && isBuiltIn(from)) return `${from}: only shared/host is a door to the machine`
  if (path.startsWith('edge/plan/') && !isTest && isBuiltIn(from)) return `${from}: the planner does no I/O`
  if (target === undefined) return undefined
  if (!/\.tsx?$/.test(target)) return `${from}: imports end in .ts, or .tsx where it is a view`
  if (target.startsWith(DASHBOARD) && !path.startsWith(DASHBOARD) && !one.typeOnly && !isTest) {
    return `${target}: runs in browsers`
  }
  if (!(MAY_IMPORT[top(path)] ?? []).includes(top(target))) return `${top(path)} must not import ${target}`
  if (browserSafe && target.startsWith('shared/host/')) return `${target}: shared/ runs in a browser too`
  if (path.startsWith('edge/plan/') && !isTest && !/^(?:edge\/plan|shared(?!\/host))\//.test(target)) {
    return `${target}: the planner imports only shared/ and itself`
  }
  const insideDrivers = path.startsWith('edge/drivers/') || isTest || COMPOSITION_ROOTS.test(path)
  if (isRealDriver(target) && !insideDrivers && !one.typeOnly)
    return `${target}: drivers are constructed in edge/main.ts`
  if (/\.(?:fake|test)\.ts$/.test(target) && !isTest && !/\.fake\.ts$|^scripts\//.test(path)) {
    return `${target}: a fake is for tests and the simulator`
  }
  return undefined
}

export function checkImports(source: Source): Finding[] {
  const findings: Finding[] = []
  const at = (offset: number, message: string): void => {
    findings.push({ path: source.path, line: lineOf(source, offset), message })
  }
  for (const one of source.imports) {
    const message = checkImport(source, one)
    if (message !== undefined) at(one.at, message)
  }
  for (const { name, at: offset } of source.exports)
    if (name === 'default') at(offset, 'default export: give it a name')
  const barrel = /(?:^|\/)index\.ts$/.test(source.path) || source.text.match(/^export \* from/m) !== null
  if (barrel) at(0, 'barrel: import things from where they are')
  return findings
}

/** One finding for each ring of files that import each other. */
export function checkCycles(sources: readonly Source[]): Finding[] {
  const edges = new Map(
    sources.map(({ path, imports }) => [path, imports.flatMap(({ target }) => (target === undefined ? [] : [target]))]),
  )
  const findings: Finding[] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const back = trail.indexOf(path)
    if (back >= 0) {
      const ring = [...trail.slice(back), path]
      findings.push({ path, line: 1, message: `import cycle: ${ring.join(' → ')}` })
      return
    }
    if (done.has(path)) return
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of [...edges.keys()].sort()) walk(path, [])
  return findings
}
