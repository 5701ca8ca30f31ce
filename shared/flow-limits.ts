// Bounds of the record of flows on its way to the hub, and there. Bytes unless the name says otherwise.

import { flowBatchBytesMax } from './limits.ts'

/**
 * Flows that the kernel knows both ends of, before and behind a published port: 64 B each there, and as many as nft counts one by
 * one. Of more than that the record names the gateway alone.
 */
export const ledFlowsMax = 8_192
/** Addresses outside that one batch tells apart of a service: an eighth of its records, whoever asks a public one. */
export const flowOutsidesMax = 64

/**
 * Batches in one window to the hub before they are packed, 6 to 15 KB then: two seconds of a link of 64 kbit/s. One that is
 * larger goes alone.
 */
export const flowWindowBytesMax = 128 << 10
/** What a device states of its record with each window: three hashes, and some numbers. */
export const flowStatementBytesMax = 1 << 10
/** What the hub answers. */
export const flowAnswerBytesMax = 512
/** A window: one batch of the largest, should it not deflate, with the statement and the links that lead to who signed it. */
export const flowMessageBytesMax = flowBatchBytesMax + 3_072
/** What a device that pays by the byte sends of its record in a day: an eighth of what it may cost at rest. */
export const flowMeteredBytesPerDay = 256 << 10
/** Windows that wait at the hub, one of a device: a thousand devices that come back at once. */
export const flowWindowsWaitingBytesMax = 32 << 20
/** Flows of all devices at the hub, as they are stored: a year of a hundred quiet ones, some days of a busy fleet. */
export const flowStoreBytesMax = 2 * 2 ** 30
/** How long the hub keeps them, milliseconds; three times as long as the devices do. */
export const flowStoreAgeMsMax = 90 * 86_400_000
/** Batches that are looked at for one page of an answer: 200 ms of the hub. */
export const flowBatchesReadMax = 4_000
/** Flows that wait for an OpenTelemetry collector: 2 KB each, and eight seconds of a thousand flows a second. */
export const otlpRecordsWaitingMax = 8_192
/** So long a collector may take for one request, milliseconds. */
export const otlpExportMsMax = 5_000
