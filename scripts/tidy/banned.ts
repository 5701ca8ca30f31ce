// Rules on what code may not do: reach for the machine's clock or randomness, start a shell, print past the log, or
// talk the type checker out of its job.

import { child, type Finding, lineOf, nameOf, type Source, type Syntax, visit } from './source.ts'

/** The files that ask the machine for time and randomness: one for Node, one for browsers. */
const CLOCKS: ReadonlySet<string> = new Set(['shared/host/clock.ts', 'cloud/dashboard/browser/clock.ts'])

const AMBIENT = new Map([
  ['Date.now', 'time comes through Clock'],
  ['Math.random', 'randomness comes through Entropy'],
  ['performance.now', 'time comes through Clock'],
])
const TIMERS = new Set(['setTimeout', 'setInterval'])

/** `object.property` of a member expression of plain names. */
function dotted(node: Syntax | undefined): string {
  if (node?.type !== 'MemberExpression' || node['computed'] === true) return nameOf(node)
  return `${nameOf(child(node, 'object'))}.${nameOf(child(node, 'property'))}`
}

function isScript(path: string): boolean {
  return path.startsWith('scripts/') || path.startsWith('build/')
}

function mayExit(path: string): boolean {
  return isScript(path) || path.endsWith('/main.ts')
}

function checkMember(source: Source, node: Syntax): string | undefined {
  const name = dotted(node)
  const { path } = source
  const ambient = AMBIENT.get(name)
  if (ambient !== undefined && !CLOCKS.has(path)) return `${name}: ${ambient}`
  if (name.startsWith('console.')) return `${name}: use Log, or write to a stream`
  if (name === 'process.exit' && !mayExit(path) && !source.isTest) {
    return 'process.exit: only a main decides when to end'
  }
  const browserSafe = path.startsWith('shared/') && !path.startsWith('shared/host/') && !source.isTest
  if (browserSafe && /^(?:process|Buffer|globalThis)\./.test(name)) return `${name}: shared/ runs in a browser too`
  return undefined
}

function checkCall(source: Source, node: Syntax): string | undefined {
  const callee = child(node, 'callee')
  if (callee?.type !== 'Identifier') return undefined
  const name = nameOf(callee)
  const isDoor = source.path.startsWith('shared/host/') || CLOCKS.has(source.path)
  const product = !isScript(source.path) && !source.isTest && !isDoor
  if (product && TIMERS.has(name) && !source.path.endsWith('.fake.ts')) return `${name}: timers come through Clock`
  return undefined
}

function checkNew(source: Source, node: Syntax): string | undefined {
  const name = nameOf(child(node, 'callee'))
  const noArguments = (node['arguments'] as unknown[]).length === 0
  if (name === 'Date' && noArguments && !CLOCKS.has(source.path)) return 'new Date(): time comes through Clock'
  if (name === 'Error' && !source.isTest) return 'new Error: use HoldfastError with a code and a remedy'
  return undefined
}

function checkProperty(node: Syntax): string | undefined {
  const value = child(node, 'value')
  const shell = nameOf(child(node, 'key')) === 'shell' && value?.type === 'Literal' && value['value'] === true
  return shell ? 'shell: true: arguments go as an array, never through a shell' : undefined
}

function problem(source: Source, node: Syntax): string | undefined {
  switch (node.type) {
    case 'MemberExpression':
      return checkMember(source, node)
    case 'CallExpression':
      return checkCall(source, node)
    case 'NewExpression':
      return checkNew(source, node)
    case 'Property':
      return checkProperty(node)
    case 'TSAnyKeyword':
      return 'any: say what it is, or take unknown and parse it'
    case 'TSNonNullExpression':
      return 'non-null assertion: handle the case, or prove it'
    default:
      return undefined
  }
}

export function checkBanned(source: Source): Finding[] {
  const findings: Finding[] = []
  visit(source.program, (node) => {
    const message = problem(source, node)
    if (message !== undefined) findings.push({ path: source.path, line: lineOf(source, node.start), message })
  })
  for (const { from, names, at } of source.imports) {
    if (!/^(?:node:)?child_process$/.test(from)) continue
    for (const name of names.filter((one) => one === 'exec' || one === 'execSync')) {
      const message = `${name}: starts a shell; use spawn or execFile with an argument array`
      findings.push({ path: source.path, line: lineOf(source, at), message })
    }
  }
  return findings
}
