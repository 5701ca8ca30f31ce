// Shell completion scripts from the table of commands. They complete commands, flags and the words a flag may have.

import { type CommandSpec, flagsOf, type ProgramSpec } from './command.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

function words(program: ProgramSpec, command: CommandSpec): string {
  return flagsOf(program, command)
    .map((flag) => `--${flag.name}`)
    .join(' ')
}

function firstWords(program: ProgramSpec): readonly string[] {
  return [...new Set(program.commands.map((command) => command.name.split(' ')[0] ?? ''))]
}

function secondWords(program: ProgramSpec, first: string): readonly string[] {
  return program.commands.filter((c) => c.name.startsWith(`${first} `)).map((c) => c.name.slice(first.length + 1))
}

function bash(program: ProgramSpec): string {
  const name = `_${program.name.replaceAll('-', '_')}`
  const groups = firstWords(program).filter((first) => secondWords(program, first).length > 0)
  const cases = [
    ...groups.map((first) => `    "${first}") words="${secondWords(program, first).join(' ')}" ;;`),
    ...program.commands.map((command) => `    "${command.name}") words="${words(program, command)}" ;;`),
  ]
  const choices = program.commands.flatMap((command) =>
    flagsOf(program, command)
      .filter((flag) => flag.choices !== undefined)
      .map((flag) => `    "${command.name} --${flag.name}") words="${flag.choices?.join(' ')}" ;;`),
  )
  const pattern = groups.length === 0 ? '""' : groups.map((first) => `"${first}"`).join('|')
  return `${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" words="" previous
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firstWords(program).join(' ')}" -- "$current")); return
  fi
  case "$command" in
    ${pattern}) [ "$COMP_CWORD" -gt 2 ] && command="$command \${COMP_WORDS[2]}" ;;
  esac
  previous="\${COMP_WORDS[COMP_CWORD-1]}"
  case "$command $previous" in
${choices.length === 0 ? '    "") ;;' : choices.join('\n')}
  esac
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current")); return
  fi
  case "$command" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}
complete -o filenames -F ${name} ${program.name}
`
}

/** Zsh runs the bash script through its own bridge, bashcompinit. */
function zsh(program: ProgramSpec): string {
  return `#compdef ${program.name}\nautoload -U +X bashcompinit && bashcompinit\n${bash(program)}`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

function fish(program: ProgramSpec): string {
  const none = `not __fish_seen_subcommand_from ${firstWords(program).join(' ')}`
  const lines = program.commands.flatMap((command) => {
    const [first = '', second] = command.name.split(' ')
    const seen =
      second === undefined
        ? `__fish_seen_subcommand_from ${first}`
        : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`
    const self =
      second === undefined
        ? `complete -c ${program.name} -n ${quote(none)} -a ${first} -d ${quote(command.summary)}`
        : `complete -c ${program.name} -n ${quote(`__fish_seen_subcommand_from ${first}`)} -a ${second} -d ${quote(command.summary)}`
    const flags = flagsOf(program, command).map((flag) => {
      const value = flag.value === undefined ? '' : ' -r'
      const choices = flag.choices === undefined ? '' : ` -a ${quote(flag.choices.join(' '))}`
      return `complete -c ${program.name} -n ${quote(seen)} -l ${flag.name}${value}${choices} -d ${quote(flag.summary)}`
    })
    return [self, ...flags]
  })
  const groups = firstWords(program).filter((first) => secondWords(program, first).length > 0)
  const heads = groups.map((first) => `complete -c ${program.name} -n ${quote(none)} -a ${first}`)
  return `${[...heads, ...lines].join('\n')}\n`
}

export function renderCompletion(program: ProgramSpec, shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bash(program)
    case 'zsh':
      return zsh(program)
    case 'fish':
      return fish(program)
  }
}
