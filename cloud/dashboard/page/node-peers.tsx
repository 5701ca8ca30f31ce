// Whom a node reaches, by which kind of path, and how well.

import type { ShownNode } from '../../api/answers.ts'
import { pathTitles, peersInOrder } from '../model/device.ts'
import { nodeHref } from '../model/route.ts'
import { bytesText, countText, rttText, spanText } from '../model/words.ts'
import { Card } from '../view/parts.tsx'

export function NodePeers({ device }: { readonly device: ShownNode }) {
  const { report } = device
  if (report === undefined) return null
  const { peers, peersReachable, peersTotal } = report
  return (
    <Card
      title="Peers and paths"
      id="peers"
      class="span"
      aside={<span class="count">{`${peersReachable} of ${peersTotal} reached`}</span>}
    >
      <div class="scroll" role="region" aria-labelledby="peers" tabIndex={0}>
        <table class="table plain">
          <thead>
            <tr>
              <th scope="col">Peer</th>
              <th scope="col">Path</th>
              <th scope="col">Via</th>
              <th scope="col">Endpoint</th>
              <th scope="col" class="figure">
                Round trip
              </th>
              <th scope="col" class="figure">
                Handshake
              </th>
              <th scope="col" class="figure">
                Received
              </th>
              <th scope="col" class="figure">
                Sent
              </th>
            </tr>
          </thead>
          <tbody>
            {peersInOrder(peers).map(({ endpoint, handshakeAgeS, name, path, rttUs, rxBytes, txBytes, via }) => (
              <tr key={name}>
                <th scope="row">
                  <a href={nodeHref(name)}>{name}</a>
                </th>
                <td>
                  <span class={`pill path-${path}`}>
                    <span class="dot" aria-hidden="true" />
                    {pathTitles[path]}
                  </span>
                </td>
                <td>{via === undefined ? <span class="dim">–</span> : <a href={nodeHref(via)}>{via}</a>}</td>
                <td class="mono">{endpoint ?? '–'}</td>
                <td class="figure">{rttText(rttUs)}</td>
                <td class="figure">
                  {handshakeAgeS === undefined ? 'never' : `${spanText(handshakeAgeS * 1_000)} ago`}
                </td>
                <td class="figure">{bytesText(rxBytes)}</td>
                <td class="figure">{bytesText(txBytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {peers.length < peersTotal ? (
        <p class="hint">{countText(peersTotal - peers.length, 'peer')} more, which its report has no room for.</p>
      ) : null}
    </Card>
  )
}
