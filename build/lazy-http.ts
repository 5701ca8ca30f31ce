// Keeps Node's own WebSocket and fetch out of the process. An ES module that imports node:http reads every name it exports,
// and some of them load all of undici on first sight: 2 MiB for something nobody here uses. `require` reads no names.

import type { Plugin } from 'esbuild'

export const lazyHttp: Plugin = {
  name: 'lazy-http',
  setup(build) {
    build.onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
      kind === 'require-call' ? undefined : { path: 'http', namespace: 'lazy-http' },
    )
    build.onLoad({ filter: /.*/, namespace: 'lazy-http' }, () => ({
      contents: "module.exports = require('node:http')",
      loader: 'js',
    }))
  },
}
