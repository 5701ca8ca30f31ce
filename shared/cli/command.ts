// A program's commands as a table: parsing, help, completion and the manual page all read the same rows.

export interface ArgumentSpec {
  readonly name: string
  readonly summary: string
  /** Optional where absent. */
  readonly required?: true
  /** Takes all that is left; only the last argument may. */
  readonly repeat?: true
}

export interface FlagSpec {
  /** Without the dashes. */
  readonly name: string
  readonly short?: string
  /** What the value is called in help; a flag without it is a switch. */
  readonly value?: string
  readonly repeat?: true
  readonly summary: string
  readonly default?: string
  /** Words the value is one of, for help, completion and checking. */
  readonly choices?: readonly string[]
}

export interface CommandSpec {
  /** May have two words: `token create`. */
  readonly name: string
  readonly summary: string
  readonly description?: string
  readonly args?: readonly ArgumentSpec[]
  readonly flags?: readonly FlagSpec[]
  readonly examples?: readonly string[]
}

export interface ProgramSpec {
  readonly name: string
  readonly summary: string
  readonly commands: readonly CommandSpec[]
  /** Flags of every command. */
  readonly flags?: readonly FlagSpec[]
  /** Prefix of environment variables that mirror flags with a value: `HOLDFAST_` makes `--state` read HOLDFAST_STATE. */
  readonly environment: string
}

export function flagsOf(program: ProgramSpec, command: CommandSpec): readonly FlagSpec[] {
  return [...(command.flags ?? []), ...(program.flags ?? []), { name: 'help', short: 'h', summary: 'Show this help' }]
}

/**
 * The variable that is read where the flag is not given. A switch has none: it says what one call is to do, and a forgotten
 * variable must not purge, print JSON to a person, or make a dry run of an order.
 */
export function environmentName(program: ProgramSpec, flag: FlagSpec): string | undefined {
  if (flag.value === undefined) return undefined
  return `${program.environment}${flag.name.toUpperCase().replaceAll('-', '_')}`
}
