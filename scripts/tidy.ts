// Checks the house rules that no other tool knows: sizes, headers, import directions, cycles, banned calls, dead exports.

import { globSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { compareText } from '../shared/bytes.ts'
import { checkBanned } from './tidy/banned.ts'
import { checkExports } from './tidy/exports.ts'
import { checkCycles, checkImports } from './tidy/imports.ts'
import { checkShape, checkWords } from './tidy/shape.ts'
import { type Finding, parseSource } from './tidy/source.ts'

const root = resolve(import.meta.dirname, '..')
const SKIPPED = new Set(['node_modules', '.git', 'coverage'])
/** Also while a build is being made beside it. */
const BUILT = /^build\/(?:out|release)(?:\.\d+(?:\.work)?)?$/

function list(pattern: string): string[] {
  return globSync(pattern, { cwd: root, exclude: (path) => SKIPPED.has(path) || BUILT.test(path) }).sort()
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const sources = list('{shared,edge,cloud,scripts,build}/**/*.{ts,tsx}').map((path) => parseSource(path, read(path)))
const texts = list('{.ci,shared,edge,cloud,scripts,build,bpf,docs,examples}/**/*').concat(list('*.{md,json}'))
const findings: Finding[] = [
  ...texts
    .filter((path) => /\.(?:ts|tsx|md|json|ya?ml|c|h|sh|css|html)$|^scripts\/[^./]+$/.test(path))
    .filter((path) => path !== 'package-lock.json' && statSync(join(root, path)).isFile())
    .flatMap((path) => checkWords(path, read(path))),
  ...sources.flatMap((source) => [...checkShape(source), ...checkBanned(source), ...checkImports(source)]),
  ...checkCycles(sources),
  ...checkExports(sources),
]
findings.sort((a, b) => compareText(a.path, b.path) || a.line - b.line)
for (const { path, line, message } of findings) process.stdout.write(`${path}:${line}  ${message}\n`)
if (findings.length > 0) process.stdout.write(`${findings.length} findings in ${sources.length} files\n`)
process.exitCode = findings.length > 0 ? 1 : 0
