// Flows to an OpenTelemetry collector, as logs and metrics over OTLP/HTTP, by the OpenTelemetry SDK. Loaded only where one is
// named. One that is dead, slow or refuses holds nothing up: so many records wait, more are dropped, counted, and told.

import { type ObservableResult, type Attributes as SdkAttributes, SeverityNumber } from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import type { Clock, Log } from '../../shared/effects.ts'
import { otlpExportMsMax, otlpRecordsWaitingMax } from '../../shared/flow-limits.ts'
import { shownOf } from '../../shared/flows/query.ts'
import type { FlowTally } from '../../shared/flows/tally.ts'
import type { FleetFlowFigures } from '../flows/flow-figures.ts'
import type { FlowExport } from './flow-export.ts'
import { flowLog, type LogRecord, lossLog } from './flow-log.ts'

export interface OtlpOptions {
  /** Of the collector: `http://collector:4318`. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  readonly version: string
  /** What the metrics are made of. */
  readonly figures: () => FleetFlowFigures | undefined
  readonly clock: Clock
  readonly log: Log
  /** For tests. */
  readonly delayMs?: number
  readonly metricsMs?: number
}

/** Between two exports of logs, where there are few. */
const DELAY_MS = 2_000
const METRICS_MS = 60_000
/** In one request. */
const RECORDS_AT_ONCE = 512
/** What waits at the end is given so long. */
const FAREWELL_MS = 2_000
/** A collector that is away is told of once in so long. */
const TELL_MS = 600_000

interface Count {
  offered: number
  delivered: number
  dropped: number
  failing: boolean
  /** Nobody waits for what is still here. */
  ended: boolean
}

/** Counts what becomes of records; the SDK tells nobody of those that it drops. */
function counted(exporter: LogRecordExporter, count: Count, onFailure: (why: string) => void): LogRecordExporter {
  return {
    export(records, done) {
      if (count.ended) {
        count.dropped += records.length
        return done({ code: ExportResultCode.FAILED })
      }
      exporter.export(records, (result) => {
        count.failing = result.code !== ExportResultCode.SUCCESS
        if (count.failing) count.dropped += records.length
        else count.delivered += records.length
        if (count.failing) onFailure(result.error?.message ?? 'no reason given')
        done(result)
      })
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}

function attributesOf(key: string, network: string): SdkAttributes {
  const [verdict = '', direction = '', path = ''] = key.split(' ')
  return {
    'holdfast.network': network,
    'holdfast.verdict': verdict,
    'network.io.direction': direction === 'ingress' ? 'receive' : 'transmit',
    'holdfast.path': path,
  }
}

/** As many series as Prometheus gets. */
function observe(provider: MeterProvider, version: string, figures: OtlpOptions['figures']): void {
  const meter = provider.getMeter('holdfast', version)
  const each = (
    result: ObservableResult,
    value: (sum: { packets: number; bytes: number; records: number }) => number,
  ) => {
    for (const [network, { flows }] of figures()?.tallies ?? []) {
      for (const [key, sum] of flows) result.observe(value(sum), attributesOf(key, network))
    }
  }
  const losses = (result: ObservableResult, value: (sum: { packets: number; records: number }) => number): void => {
    for (const [network, tally] of figures()?.tallies ?? []) {
      for (const [why, sum] of (tally satisfies FlowTally).losses) {
        result.observe(value(sum), { 'holdfast.network': network, 'holdfast.loss.why': why })
      }
    }
  }
  const counter = (name: string, unit: string, description: string) =>
    meter.createObservableCounter(name, { unit, description })
  counter('holdfast.flow.packets', '{packet}', 'Packets of flows on record, both ways.').addCallback((result) =>
    each(result, ({ packets }) => packets),
  )
  counter('holdfast.flow.io', 'By', 'Bytes of flows on record, both ways.').addCallback((result) =>
    each(result, ({ bytes }) => bytes),
  )
  counter('holdfast.flow.records', '{record}', 'Records of flows.').addCallback((result) =>
    each(result, ({ records }) => records),
  )
  counter('holdfast.flow.losses', '{loss}', 'How often something was missed.').addCallback((result) =>
    losses(result, ({ records }) => records),
  )
  counter('holdfast.flow.lost.packets', '{packet}', 'Packets of that, as far as anybody knows.').addCallback((result) =>
    losses(result, ({ packets }) => packets),
  )
  meter
    .createObservableGauge('holdfast.flow.ledger.behind', { unit: '{batch}', description: 'Batches not here yet.' })
    .addCallback((result) => {
      const sums = new Map<string, number>()
      for (const { count, network, told } of figures()?.ledgers ?? []) {
        sums.set(network, (sums.get(network) ?? 0) + Math.max(0, told - count))
      }
      for (const [network, behind] of sums) result.observe(behind, { 'holdfast.network': network })
    })
}

/** Never throws for a collector that is not there. */
export function createOtlpExport(options: OtlpOptions): FlowExport {
  const { clock, endpoint, figures, headers, log, version } = options
  const base = endpoint.replace(/\/+$/, '')
  const resource = resourceFromAttributes({ 'service.name': 'holdfast-hub', 'service.version': version })
  const count: Count = { offered: 0, delivered: 0, dropped: 0, failing: false, ended: false }
  let toldAt = Number.NEGATIVE_INFINITY
  const onFailure = (why: string): void => {
    if (clock.monotonic() - toldAt < TELL_MS) return
    toldAt = clock.monotonic()
    log.warn('the collector takes no flows; what waits too long is dropped', { endpoint, why, dropped: count.dropped })
  }
  const to = { headers: { ...headers }, timeoutMillis: otlpExportMsMax, concurrencyLimit: 2 }
  const processor = new BatchLogRecordProcessor({
    exporter: counted(new OTLPLogExporter({ ...to, url: `${base}/v1/logs` }), count, onFailure),
    // What is dropped is dropped, and counted, before it gets there.
    maxQueueSize: otlpRecordsWaitingMax + RECORDS_AT_ONCE,
    maxExportBatchSize: RECORDS_AT_ONCE,
    scheduledDelayMillis: options.delayMs ?? DELAY_MS,
    exportTimeoutMillis: 2 * otlpExportMsMax,
  })
  const logs = new LoggerProvider({ resource, processors: [processor] })
  const logger = logs.getLogger('holdfast', version)
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ ...to, url: `${base}/v1/metrics` }),
    exportIntervalMillis: options.metricsMs ?? METRICS_MS,
    exportTimeoutMillis: Math.min(otlpExportMsMax, options.metricsMs ?? METRICS_MS),
  })
  const meters = new MeterProvider({ resource, readers: [reader] })
  observe(meters, version, figures)

  const emit = (record: LogRecord): void => {
    count.offered += 1
    if (count.offered - count.delivered - count.dropped > otlpRecordsWaitingMax) {
      count.dropped += 1
      onFailure('it is slower than flows come in')
      return
    }
    const { severity, ...rest } = record
    const severityNumber = severity === 'warn' ? SeverityNumber.WARN : SeverityNumber.INFO
    logger.emit({ ...rest, severityNumber, observedTimestamp: clock.now() })
  }

  return {
    note(reporter, seq, batch) {
      for (const loss of batch.lostBefore) emit(lossLog(reporter, loss, seq, batch.to))
      for (const flow of shownOf({ seq, batch }, { denied: false })) emit(flowLog(reporter, flow))
    },
    figures() {
      const { delivered, dropped, failing, offered } = count
      return { offered, delivered, dropped, failing }
    },
    async stop() {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = clock.after(FAREWELL_MS, resolve)
      await Promise.race([Promise.allSettled([logs.shutdown(), meters.shutdown()]), promise])
      timer.cancel()
      count.ended = true
    },
  }
}
