// Help texts and the manual page of a program, from its table of commands.

import {
  type ArgumentSpec,
  type CommandSpec,
  environmentName,
  type FlagSpec,
  flagsOf,
  type ProgramSpec,
} from './command.ts'

function argumentText(arg: ArgumentSpec): string {
  const text = `${arg.name}${arg.repeat === true ? '...' : ''}`
  return arg.required === true ? text : `[${text}]`
}

function synopsis(program: ProgramSpec, command: CommandSpec): string {
  const args = (command.args ?? []).map(argumentText).join(' ')
  return `${program.name} ${command.name}${args === '' ? '' : ` ${args}`} [flags]`
}

function flagText(flag: FlagSpec): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `
  return `${short}--${flag.name}${flag.value === undefined ? '' : ` ${flag.value}`}`
}

function flagNotes(flag: FlagSpec): string {
  const notes = [
    flag.choices === undefined ? '' : `one of ${flag.choices.join(', ')}`,
    flag.default === undefined ? '' : `default ${flag.default}`,
    flag.repeat === true ? 'may be repeated' : '',
  ].filter((note) => note !== '')
  return notes.length === 0 ? flag.summary : `${flag.summary} (${notes.join('; ')})`
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(34, Math.max(...rows.map((row) => row[0].length)))
  return rows
    .map(([left, right]) =>
      left.length > width ? `  ${left}\n  ${' '.repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
    )
    .join('\n')
}

export function renderHelp(program: ProgramSpec): string {
  const rows = program.commands.map((command) => [command.name, command.summary] as const)
  return `${program.name}: ${program.summary}\n\nUsage: ${program.name} COMMAND [flags]\n\nCommands:\n${columns(rows)}\n\n\`${program.name} COMMAND --help\` tells more. Flags with a value can be given as ${program.environment}* variables.\n`
}

export function renderCommandHelp(program: ProgramSpec, command: CommandSpec): string {
  const parts = [`${command.summary}\n\nUsage: ${synopsis(program, command)}`]
  if (command.description !== undefined) parts.push(command.description)
  const args = (command.args ?? []).map((arg) => [arg.name, arg.summary] as const)
  if (args.length > 0) parts.push(`Arguments:\n${columns(args)}`)
  parts.push(`Flags:\n${columns(flagsOf(program, command).map((flag) => [flagText(flag), flagNotes(flag)] as const))}`)
  if (command.examples !== undefined)
    parts.push(`Examples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`)
  return `${parts.join('\n\n')}\n`
}

/** Text for roff (groff_man(7)): a backslash, a leading dot or quote and hyphens mean something there. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
}

function manFlag(program: ProgramSpec, flag: FlagSpec): string {
  const variable = environmentName(program, flag)
  const mirrored = variable === undefined ? '' : ` Environment: ${variable}.`
  return `.TP\n\\fB${roff(flagText(flag).trim())}\\fR\n${roff(flagNotes(flag))}.${roff(mirrored)}`
}

function manCommand(program: ProgramSpec, command: CommandSpec): string {
  const lines = [`.SS ${roff(synopsis(program, command))}`, roff(`${command.summary}.`)]
  if (command.description !== undefined) lines.push('.PP', roff(command.description))
  for (const arg of command.args ?? []) lines.push(`.TP\n\\fI${roff(arg.name)}\\fR\n${roff(arg.summary)}.`)
  for (const flag of command.flags ?? []) lines.push(manFlag(program, flag))
  for (const example of command.examples ?? []) lines.push('.PP', '.nf', roff(example), '.fi')
  return lines.join('\n')
}

/** The manual page, section 1. */
export function renderMan(program: ProgramSpec, version: string): string {
  const common = [...(program.flags ?? []), { name: 'help', short: 'h', summary: 'Show help' }]
  return [
    `.TH ${program.name.toUpperCase()} 1 "" "${program.name} ${version}"`,
    `.SH NAME\n${roff(program.name)} \\- ${roff(program.summary)}`,
    `.SH SYNOPSIS\n\\fB${roff(program.name)}\\fR COMMAND [flags]`,
    `.SH COMMANDS\n${program.commands.map((command) => manCommand(program, command)).join('\n')}`,
    `.SH COMMON FLAGS\n${common.map((flag) => manFlag(program, flag)).join('\n')}`,
    '.SH EXIT STATUS\n0 on success, 1 when something failed, 2 when the command line is off.',
    '',
  ].join('\n')
}
