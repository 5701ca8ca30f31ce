// From the words of a command line to an exit code: 0 done, 1 failed, 2 the command line is off. No stack traces.

import { flagsOf } from '../../shared/cli/command.ts'
import { parseArgv, switchFlag, textFlag } from '../../shared/cli/parse.ts'
import type { Log } from '../../shared/effects.ts'
import { describeError, isHoldfastError } from '../../shared/errors.ts'
import type { RunCommand } from '../host/command.ts'
import { stateFiles } from '../host/files.ts'
import { readSettings, type SettingName, type Settings, settingNames } from '../host/settings.ts'
import type { Cli } from './context.ts'
import { commands, program } from './program.ts'

export type Doors = Omit<Cli, 'program' | 'args' | 'flags' | 'settings' | 'files' | 'json' | 'log' | 'run'> & {
  readonly createLog: (settings: Settings) => Log
  readonly createRun: (log: Log) => RunCommand
  readonly readConfigFile: (path: string | undefined) => Promise<unknown>
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

async function settingsFrom(doors: Doors, flags: Cli['flags'], ofCommand: readonly string[]): Promise<Settings> {
  const given: Partial<Record<SettingName, string>> = {}
  for (const name of settingNames) {
    const text = ofCommand.includes(kebab(name)) ? textFlag(flags, kebab(name)) : undefined
    if (text !== undefined) given[name] = text
  }
  const file = await doors.readConfigFile(textFlag(flags, 'config'))
  return readSettings({ file, env: doors.env, flags: given })
}

async function dispatch(argv: readonly string[], doors: Doors): Promise<number> {
  const parsed = parseArgv(program, argv, doors.env)
  if ('help' in parsed) {
    doors.write(parsed.help)
    return 0
  }
  const { command, args, flags } = parsed
  const row = commands.find(({ spec }) => spec === command)
  const names = flagsOf(program, command).map(({ name }) => name)
  const settings = await settingsFrom(doors, flags, names)
  const run = await row?.load()
  const log = doors.createLog(settings)
  const cli: Cli = {
    ...doors,
    program,
    args,
    flags,
    settings,
    files: stateFiles(settings.state),
    json: switchFlag(flags, 'json'),
    log,
    run: doors.createRun(log),
  }
  return (await run?.(cli)) ?? 1
}

/** Runs one command line. Errors are told on standard error in a sentence or two. */
export async function runCli(argv: readonly string[], doors: Doors): Promise<number> {
  try {
    return await dispatch(argv, doors)
  } catch (error) {
    doors.note(`holdfast: ${describeError(error)}`)
    return isHoldfastError(error, 'usage') ? 2 : 1
  }
}
