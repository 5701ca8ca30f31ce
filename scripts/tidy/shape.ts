// Rules on the shape of a file: it fits on a few screens, its functions on one, and it begins by saying what it is.

import { type Finding, lineOf, type Source, type Syntax, visit } from './source.ts'

const FILE_LINES_MAX = 300
const FUNCTION_LINES_MAX = 60
/** The formatter breaks code at 120 and leaves prose alone; a comment may finish its word. */
const PROSE_MAX = 130

/** Words that mean that something is left undone. Written so that this file does not contain them. */
const UNDONE = /\b(?:TO[D]O|FI[X]ME|X[X]X|HA[C]K)\b/
/** Places that exist on one machine only, and hosts that must not be named. */
const FOREIGN = /\/work\/(?:main|shared)|\/home\/[a-z]|\bregistry\.(?:npmjs|yarnpkg)\b|\bnpmjs\.(?:com|org)\b/

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

/** Lines of a function that are its own: those of functions inside it count for them, so a factory is judged fairly. */
function ownLines(source: Source, node: Syntax): number {
  const span = (one: Syntax): number => lineOf(source, one.end) - lineOf(source, one.start) + 1
  let inner = 0
  let skipUntil = -1
  visit(node, (below) => {
    if (below === node || below.start < skipUntil || !FUNCTIONS.has(below.type)) return
    skipUntil = below.end
    // A one-line arrow stands on a line of its parent.
    inner += Math.max(0, span(below) - 1)
  })
  return span(node) - inner
}

export function checkShape(source: Source): Finding[] {
  const findings: Finding[] = []
  const { path, text } = source
  const lines = text.split('\n')
  if (lines.length - 1 > FILE_LINES_MAX) {
    findings.push({ path, line: 1, message: `file has ${lines.length - 1} lines, at most ${FILE_LINES_MAX}` })
  }
  const first = lines.find((line) => !line.startsWith('#!') && line.trim() !== '') ?? ''
  if (!first.startsWith('// ') && !first.startsWith('/*')) {
    findings.push({ path, line: 1, message: 'file does not begin with a comment that says what it is' })
  }
  visit(source.program, (node) => {
    if (!FUNCTIONS.has(node.type) || lineOf(source, node.end) - lineOf(source, node.start) < FUNCTION_LINES_MAX) return
    const own = ownLines(source, node)
    if (own <= FUNCTION_LINES_MAX) return
    const message = `function has ${own} lines of its own, at most ${FUNCTION_LINES_MAX}`
    findings.push({ path, line: lineOf(source, node.start), message })
  })
  return findings
}

/** Rules on any text file: source, page, script or configuration. */
export function checkWords(path: string, text: string): Finding[] {
  const findings: Finding[] = []
  const code = path.endsWith('.ts')
  for (const [index, line] of text.split('\n').entries()) {
    const at = { path, line: index + 1 }
    const undone = UNDONE.exec(line)
    if (undone !== null) findings.push({ ...at, message: `${undone[0]}: do it, or leave it out` })
    const foreign = FOREIGN.exec(line)
    if (foreign !== null) findings.push({ ...at, message: `${foreign[0]}: means nothing on another machine` })
    if (code && /^\s*(?:\/[/*]|\*)/.test(line) && line.length > PROSE_MAX) {
      findings.push({ ...at, message: `comment has ${line.length} characters, at most ${PROSE_MAX}` })
    }
  }
  return findings
}
