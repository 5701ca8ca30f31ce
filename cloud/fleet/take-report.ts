// A report of a device, taken in.

import type { StatusReport } from '../../shared/wire/report.ts'
import type { Device } from './device.ts'

/** `status`: the report as it came, `at`: by the hub's clock. */
export function takeReport(device: Device, report: StatusReport, status: Uint8Array, at: number): void {
  device.report = report
  device.word = { ...device.word, status }
  device.trace.note(report, at)
}
