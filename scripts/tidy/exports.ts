// Rule on exports: what nobody imports is either dead or private.
//
// A value that its own file uses may be exported for a test of it. A value that only tests use needs the mark
// `/** @testonly … */` in front, so that it is on purpose. A type may be exported where its file speaks of it.

import { type Finding, lineOf, nameOf, type Source, visit } from './source.ts'

interface Use {
  readonly byCode: boolean
  readonly byTest: boolean
}

function usesOf(sources: readonly Source[]): (path: string, name: string) => Use {
  const users = new Map<string, { code: boolean; test: boolean }>()
  for (const source of sources) {
    for (const { target, names } of source.imports) {
      for (const name of target === undefined ? [] : names) {
        const key = `${target}#${name}`
        const use = users.get(key) ?? { code: false, test: false }
        if (source.isTest) use.test = true
        else use.code = true
        users.set(key, use)
      }
    }
  }
  return (path, name) => {
    const both = [users.get(`${path}#${name}`), users.get(`${path}#*`)]
    return { byCode: both.some((use) => use?.code === true), byTest: both.some((use) => use?.test === true) }
  }
}

/** How often each name is written as an identifier in the file. */
function mentions(source: Source): Map<string, number> {
  const counts = new Map<string, number>()
  visit(source.program, (node) => {
    if (node.type !== 'Identifier') return
    counts.set(nameOf(node), (counts.get(nameOf(node)) ?? 0) + 1)
  })
  return counts
}

export function checkExports(sources: readonly Source[]): Finding[] {
  const use = usesOf(sources)
  const findings: Finding[] = []
  for (const source of sources) {
    // Files of build/ answer to the bundler, which puts them in the place of libraries by their path.
    if (source.isTest || source.path.startsWith('build/')) continue
    const counts = mentions(source)
    for (const one of source.exports) {
      const { byCode, byTest } = use(source.path, one.name)
      const usedHere = (counts.get(one.name) ?? 0) > 1
      const fake = source.path.endsWith('.fake.ts')
      if (byCode || (one.type && usedHere) || (byTest && (usedHere || one.testOnly || fake))) continue
      const message = byTest
        ? `export ${one.name} is used only by tests: remove it, or mark it /** @testonly */`
        : `export ${one.name} is imported nowhere${usedHere ? ': make it private' : ''}`
      findings.push({ path: source.path, line: lineOf(source, one.at), message })
    }
  }
  return findings
}
