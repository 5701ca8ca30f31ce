// The port that WireGuard gets on this host.

import type { Log } from '../../shared/effects.ts'
import type { Driver } from '../drivers/driver.ts'
import type { OpenedStore } from '../store/sqlite.ts'
import type { Enrolled } from './enrolled.ts'
import type { HostFindings } from './findings.ts'
import { chooseListenPort } from './listen-port.ts'
import { defaultPort } from './own-port.ts'
import type { PortedSettings, Settings } from './settings.ts'

export interface FreePortOptions {
  readonly settings: Settings
  /** True if nobody has the UDP port, in either family. */
  readonly isPortFree: (port: number) => Promise<boolean>
  readonly log: Log
}

/** The settings with the port that WireGuard really gets. */
export async function withFreePort(
  { settings, isPortFree, log }: FreePortOptions,
  { identity }: Enrolled,
  driver: Driver,
  { store }: OpenedStore,
  findings: HostFindings,
): Promise<PortedSettings> {
  const { controlPort, lanPort, meshPort } = settings
  const avoid = [meshPort, lanPort, ...(controlPort === undefined ? [] : [controlPort])]
  const configured = settings.listenPort ?? defaultPort(identity, store, avoid)
  const { port, detail } = await chooseListenPort({ configured, store, driver, isFree: isPortFree, avoid, log })
  findings.set('port-taken', detail !== undefined, detail)
  return { ...settings, listenPort: port }
}
