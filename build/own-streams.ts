// Gives MQTT.js and what it brings Node's own streams. They ask for readable-stream, a copy of those for browsers and older
// Nodes: 130 KB that would be read at each start and held as text for good, also where its own switch to Node's is set.

import type { Plugin } from 'esbuild'

export const ownStreams: Plugin = {
  name: 'own-streams',
  setup(build) {
    build.onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'readable-stream', namespace: 'own-streams' }))
    build.onLoad({ filter: /.*/, namespace: 'own-streams' }, () => ({
      contents: "module.exports = require('node:stream')",
      loader: 'js',
    }))
  },
}
