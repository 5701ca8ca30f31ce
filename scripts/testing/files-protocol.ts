// How a process that runs many test files says, on standard output and on standard error, that all before belonged to one.

/** ASCII's record separator, which no test prints. */
const SEPARATOR = String.fromCharCode(30)
const END = new RegExp(`${SEPARATOR}ended with (\\d+)${SEPARATOR}\\n`)

export function endOfFile(code: number): string {
  return `${SEPARATOR}ended with ${code}${SEPARATOR}\n`
}

/** What stands before the first such line, its code, and what follows; undefined while the line is not there. */
export function splitAtEnd(text: string): { before: string; code: number; after: string } | undefined {
  const found = END.exec(text)
  if (found === null) return undefined
  const { 0: line, 1: code, index } = found
  return { before: text.slice(0, index), code: Number(code), after: text.slice(index + line.length) }
}
