// Stands in for the browser's timers that MQTT.js brings along and never uses under Node: they cost start-up and memory.

export const setInterval = globalThis.setInterval
export const clearInterval = globalThis.clearInterval
export const setTimeout = globalThis.setTimeout
export const clearTimeout = globalThis.clearTimeout
