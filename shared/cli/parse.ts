// Words to a command with its arguments and flags. What doesn't fit is a usage error that says what was probably meant.

import { HoldfastError } from '../errors.ts'
import { type CommandSpec, environmentName, type FlagSpec, flagsOf, type ProgramSpec } from './command.ts'
import { renderCommandHelp, renderHelp } from './help.ts'

/** Values by flag name: the text, all texts of a repeated flag, or true for a switch. */
export type FlagValues = Readonly<Record<string, string | readonly string[] | true | undefined>>

export interface Invocation {
  readonly command: CommandSpec
  readonly args: readonly string[]
  readonly flags: FlagValues
}

export type Parsed = Invocation | { readonly help: string }

/** Edits between two words (Levenshtein 1966), for "did you mean". */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i] === b[j - 1] ? 0 : 1
      row.push(Math.min((row[j - 1] ?? 0) + 1, (previous[j] ?? 0) + 1, (previous[j - 1] ?? 0) + cost))
    }
    previous = row
  }
  return previous.at(-1) ?? 0
}

function suggestion(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, far: distance(word, name) })).sort((a, b) => a.far - b.far)
  const best = ranked[0]
  return best !== undefined && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.name : undefined
}

function usage(program: ProgramSpec, message: string, command?: CommandSpec, meant?: string): HoldfastError {
  const help = `See \`${program.name}${command === undefined ? '' : ` ${command.name}`} --help\`.`
  return new HoldfastError('usage', message, { remedy: meant === undefined ? help : `Did you mean ${meant}? ${help}` })
}

/** Commands of two words that begin with this one: `token` of `token create`. */
function groupOf({ commands }: ProgramSpec, [first = '']: readonly string[]): readonly CommandSpec[] {
  return commands.filter((known) => known.name.startsWith(`${first} `))
}

function findCommand(
  program: ProgramSpec,
  words: readonly string[],
): { command: CommandSpec; rest: readonly string[] } {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(' ')
    const command = program.commands.find((known) => known.name === name)
    if (command !== undefined) return { command, rest: words.slice(length) }
  }
  const first = words[0] ?? ''
  const group = groupOf(program, words)
  if (group.length > 0) {
    throw usage(
      program,
      `"${first}" needs one of: ${group.map((known) => known.name.slice(first.length + 1)).join(', ')}`,
    )
  }
  const names = program.commands.map((known) => known.name)
  throw usage(program, `there is no command "${first}"`, undefined, suggestion(first, names))
}

interface Words {
  readonly args: string[]
  readonly given: Map<string, string[]>
}

function takeFlag(program: ProgramSpec, command: CommandSpec, words: string[], into: Words): void {
  const word = words.shift() ?? ''
  const [label = '', inline] = word.split(/=(.*)/s, 2)
  const known = flagsOf(program, command)
  const flag = known.find((one) => label === `--${one.name}` || (one.short !== undefined && label === `-${one.short}`))
  if (flag === undefined) {
    const meant = suggestion(
      label,
      known.map((one) => `--${one.name}`),
    )
    throw usage(program, `${command.name} has no flag ${label}`, command, meant)
  }
  if (flag.value === undefined && inline !== undefined) throw usage(program, `${label} takes no value`, command)
  const value = flag.value === undefined ? '' : (inline ?? words.shift())
  if (value === undefined) throw usage(program, `${label} needs a value: ${label} ${flag.value}`, command)
  const held = into.given.get(flag.name) ?? []
  if (held.length > 0 && flag.repeat !== true && flag.value !== undefined)
    throw usage(program, `${label} is given twice`, command)
  into.given.set(flag.name, [...held, value])
}

function split(program: ProgramSpec, command: CommandSpec, rest: readonly string[]): Words {
  const into: Words = { args: [], given: new Map() }
  const words = [...rest]
  for (let word = words[0]; word !== undefined; word = words[0]) {
    if (word === '--') {
      into.args.push(...words.slice(1))
      break
    }
    // A lone "-" means standard input.
    if (word.startsWith('-') && word !== '-') takeFlag(program, command, words, into)
    else into.args.push(words.shift() ?? '')
  }
  return into
}

function checkArgs(program: ProgramSpec, command: CommandSpec, args: readonly string[]): void {
  const specs = command.args ?? []
  const missing = specs.find((spec, index) => spec.required === true && args[index] === undefined)
  if (missing !== undefined) throw usage(program, `${command.name} needs ${missing.name}: ${missing.summary}`, command)
  if (args.length > specs.length && specs.at(-1)?.repeat !== true) {
    throw usage(program, `${command.name} doesn't take "${args[specs.length]}"`, command)
  }
}

function valueOf(
  program: ProgramSpec,
  command: CommandSpec,
  flag: FlagSpec,
  given: readonly string[] | undefined,
  env: string | undefined,
): FlagValues[string] {
  if (flag.value === undefined) return given === undefined ? undefined : true
  const fallback = env === undefined || env === '' ? flag.default : env
  const values = given ?? (fallback === undefined ? undefined : flag.repeat === true ? fallback.split(',') : [fallback])
  const stranger = values?.find((value) => flag.choices !== undefined && !flag.choices.includes(value))
  if (stranger !== undefined) {
    throw usage(program, `--${flag.name} is one of ${flag.choices?.join(', ')}, not "${stranger}"`, command)
  }
  return flag.repeat === true ? values : values?.[0]
}

/** Reads `argv` (without the program itself). Throws `usage`; asks for help come back as text. */
export function parseArgv(
  program: ProgramSpec,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Parsed {
  const [first] = argv
  if (first === undefined || first === '--help' || first === '-h' || (first === 'help' && argv.length === 1)) {
    return { help: renderHelp(program) }
  }
  if (first.startsWith('-') && first !== '--version') throw usage(program, `put the command before ${first}`)
  const words = first === 'help' ? argv.slice(1) : first === '--version' ? ['version', ...argv.slice(1)] : argv
  const group = groupOf(program, words)
  const wanted = first === 'help' ? words.length === 1 : words.length === 2 && /^(?:-h|--help)$/.test(words[1] ?? '')
  if (group.length > 0 && wanted) return { help: renderHelp({ ...program, commands: group }) }
  const { command, rest } = findCommand(program, words)
  if (first === 'help') return { help: renderCommandHelp(program, command) }
  const { args, given } = split(program, command, rest)
  if (given.has('help')) return { help: renderCommandHelp(program, command) }
  checkArgs(program, command, args)
  const flags = Object.fromEntries(
    flagsOf(program, command).map((flag) => {
      const variable = environmentName(program, flag)
      const fromEnvironment = variable === undefined ? undefined : env[variable]
      return [flag.name, valueOf(program, command, flag, given.get(flag.name), fromEnvironment)]
    }),
  )
  return { command, args, flags }
}

/** The text of a flag with a value. */
export function textFlag(flags: FlagValues, name: string): string | undefined {
  const value = flags[name]
  return typeof value === 'string' ? value : undefined
}

export function switchFlag(flags: FlagValues, name: string): boolean {
  return flags[name] === true
}

export function listFlag(flags: FlagValues, name: string): readonly string[] {
  const value = flags[name]
  return Array.isArray(value) ? value : []
}
