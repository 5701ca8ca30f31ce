// What a command of the CLI is given: its words, its settings, and the doors of the host. Filled in by main.ts alone.

import type { ProgramSpec } from '../../shared/cli/command.ts'
import type { FlagValues } from '../../shared/cli/parse.ts'
import type { Clock, Entropy, Log } from '../../shared/effects.ts'
import type { Agent, AgentOptions } from '../agent.ts'
import type { Driver } from '../drivers/driver.ts'
import type { RunCommand } from '../host/command.ts'
import type { StateFiles } from '../host/files.ts'
import type { HostProbe } from '../host/probe.ts'
import type { RunAgentOptions } from '../host/run-agent.ts'
import type { Settings } from '../host/settings.ts'
import type { HostResolver } from '../names/wiring/doors.ts'
import type { RouterDoors } from '../portmap/doors.ts'
import type { Forwarder } from '../relay/forwarder.ts'
import type { RulesetOptions } from '../relay/ruleset.ts'
import type { XdpStanding } from '../relay/shortcut-xdp.ts'
import type { FindWayOut } from '../uplinks/way-out.ts'
import type { PolicyLook } from './doctor.ts'

export interface Cli {
  readonly program: ProgramSpec
  readonly args: readonly string[]
  readonly flags: FlagValues
  readonly settings: Settings
  readonly files: StateFiles
  readonly json: boolean
  /** To standard output, as it is. */
  readonly write: (text: string | Uint8Array) => void
  /** A line for the person, to standard error. */
  readonly note: (sentence: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly log: Log
  readonly run: RunCommand
  readonly probe: HostProbe
  /** Loaded when called: a look at the status needs neither kernel nor planner. */
  readonly createDriver: (settings: Settings, files: StateFiles, log: Log) => Promise<Driver>
  readonly createPathDoors: RunAgentOptions['createPathDoors']
  readonly openInside?: NonNullable<RunAgentOptions['openInside']>
  /** True if nobody has the UDP port, in either family. */
  readonly isPortFree: (port: number) => Promise<boolean>
  /** How this process gets to the hub by itself; undefined where that is as any program of the host does. */
  readonly createHubWay?: (settings: Settings, log: Log) => Promise<FindWayOut | undefined>
  /** What it takes to speak with the router in front of this host. */
  readonly createRouterDoors: (log: Log) => Promise<RouterDoors>
  /** What carries the packets of a relay on this host. */
  readonly createForwarder: (options: RulesetOptions, log: Log) => Promise<Forwarder>
  /** Why those packets go the long way on this host; undefined where nothing keeps them from the short cut. */
  readonly whyNoShortcut: (log: Log) => Promise<string | undefined>
  /** Which devices have the faster one of its programs, and why others have not; undefined where nothing can tell. */
  readonly lookAtXdp: (log: Log) => Promise<XdpStanding | undefined>
  /** Whether programs in the kernel decide about policy at the interface, and why they can't on this host. */
  readonly lookAtPolicy: (settings: Settings, log: Log) => Promise<Omit<PolicyLook, 'driver'>>
  /** Who answers names on this host. */
  readonly createHostResolver: (settings: Settings, log: Log) => Promise<HostResolver>
  /** Lets nothing through the mesh; `stands` where a policy is in force, which is left as it is. */
  readonly closePolicy: (settings: Settings, files: StateFiles, log: Log) => Promise<'closed' | 'stands'>
  readonly createAgent: (options: AgentOptions) => Promise<Agent>
  /** From now on signals don't kill: the promise resolves when one asks the process to end. */
  readonly stopRequested: () => Promise<string>
}

/** Returns the exit code. */
export type Command = (cli: Cli) => Promise<number>

/** The `--json` form of an answer: stable, one document. */
export function writeJson(cli: Pick<Cli, 'write'>, value: unknown): void {
  cli.write(`${JSON.stringify(value, undefined, 2)}\n`)
}
