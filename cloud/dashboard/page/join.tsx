// Letting devices in: a token with its command and its code to scan, and devices as they appear.

import { generate } from 'lean-qr'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { CreatedToken, TokenRow } from '../../hub.ts'
import { http, notify, notifyError } from '../app.ts'
import { presenceOf } from '../model/presence.ts'
import { nodeHref } from '../model/route.ts'
import { mayDo } from '../model/session.ts'
import { agoText, lifeText, spanText } from '../model/words.ts'
import { now, roster, session, status } from '../store.ts'
import { Card, Copy, Empty, PresencePill } from '../view/parts.tsx'
import { useLoad } from '../view/use-load.ts'

const LIVES = ['1h', '24h', '7d'] as const

function labelsIn(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(/[\s,]+/).filter(Boolean)
  return Object.fromEntries(pairs.map((pair) => [pair.split('=')[0] ?? '', pair.split('=').slice(1).join('=')]))
}

/** What a phone or a technician's camera reads. */
function QrCode({ text }: { readonly text: string }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    if (canvas.current !== null)
      generate(text).toCanvas(canvas.current, { on: [16, 30, 28, 255], off: [255, 255, 255, 255] })
  }, [text])
  return <canvas ref={canvas} class="qr" role="img" aria-label="The join command as a QR code" />
}

function Made({ made }: { readonly made: CreatedToken }) {
  const command = `holdfast join ${status.value?.url ?? location.origin} --token ${made.token}`
  return (
    <div class="made">
      <QrCode text={command} />
      <div class="stack">
        <p>On the device, as root:</p>
        <pre class="command">{command}</pre>
        <span>
          <Copy text={command} label="Copy the join command" />
        </span>
        <p class="hint">
          Shown this once; valid for {spanText(made.expiresAt - now.value)}. The device finds this hub by the pin
          inside, even where the certificate is the hub’s own.
        </p>
      </div>
    </div>
  )
}

function MakeToken({ onMade }: { readonly onMade: (made: CreatedToken) => void }) {
  const [busy, setBusy] = useState(false)
  const make = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const data = new FormData(event.currentTarget as HTMLFormElement)
    const word = (name: string): string => {
      const value = data.get(name)
      return typeof value === 'string' ? value : ''
    }
    setBusy(true)
    try {
      const spec = {
        network: word('network'),
        ttl: word('ttl'),
        uses: Number(word('uses')),
        labels: labelsIn(word('labels')),
        autoApprove: data.has('approve'),
      }
      onMade(await http.send<CreatedToken>('POST', '/api/v1/tokens', spec))
    } catch (error) {
      notifyError(error)
    }
    setBusy(false)
  }
  return (
    <form class="form" onSubmit={(event) => void make(event)}>
      <label>
        Network
        <select name="network">
          {(status.value?.networks ?? []).map(({ network }) => (
            <option key={network}>{network}</option>
          ))}
        </select>
      </label>
      <label>
        Devices
        <input name="uses" type="number" min={1} max={1_000} value={1} />
      </label>
      <label>
        Valid for
        <select name="ttl">
          {LIVES.map((life) => (
            <option key={life} value={life} selected={life === '24h'}>
              {lifeText(life)}
            </option>
          ))}
        </select>
      </label>
      <label class="grow">
        Labels
        <input name="labels" placeholder="site=kiel role=till" />
      </label>
      <label class="check">
        <input name="approve" type="checkbox" />
        Approve by itself
      </label>
      <button type="submit" class="button primary" disabled={busy}>
        Make a token
      </button>
    </form>
  )
}

function Waiting({ mayWrite }: { readonly mayWrite: boolean }) {
  const waiting = (roster.value?.items ?? []).filter(({ state }) => state === 'pending' || state === 'unsigned')
  const approve = (name: string): void => {
    http
      .send('POST', `/api/v1/nodes/${encodeURIComponent(name)}/approve`)
      .then(() => notify('good', `${name} is approved`), notifyError)
  }
  return (
    <Card title="At the door" id="door" aside={<span class="count">{waiting.length}</span>}>
      {waiting.length === 0 ? (
        <Empty>
          Nobody waits. A device that joins with a token that does not approve by itself appears here at once.
        </Empty>
      ) : (
        <ul class="plain-list" aria-live="polite">
          {waiting.map(({ name, since, state }) => (
            <li key={name} class="waiting">
              <a href={nodeHref(name)}>{name}</a> <small>{agoText(since, now.value)}</small> <span class="spring" />
              {state === 'unsigned' ? (
                <small>keys of the membership lock must sign</small>
              ) : (
                <button type="button" class="button primary" disabled={!mayWrite} onClick={() => approve(name)}>
                  Approve
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

function Newest() {
  const joined = (roster.value?.items ?? [])
    .filter(({ since, state }) => since !== undefined && state !== 'not-enrolled')
    .sort((a, b) => (b.since ?? 0) - (a.since ?? 0))
    .slice(0, 8)
  return (
    <Card title="Changed last" id="newest">
      <ul class="plain-list">
        {joined.map((line) => (
          <li key={line.name} class="waiting">
            <a href={nodeHref(line.name)}>{line.name}</a> <small>{agoText(line.since, now.value)}</small>
            <span class="spring" />
            <PresencePill presence={presenceOf(line, now.value)} />
          </li>
        ))}
      </ul>
    </Card>
  )
}

function Tokens({ about, mayWrite }: { readonly about: unknown; readonly mayWrite: boolean }) {
  const [turn, setTurn] = useState(0)
  const { value } = useLoad<{ items: readonly TokenRow[] }>('/api/v1/tokens', `${String(about)} ${turn}`)
  const open = (value?.items ?? []).filter(
    ({ expiresAt, revoked, usesLeft }) => !revoked && usesLeft > 0 && expiresAt > now.value,
  )
  const revoke = (id: string): void => {
    http.send('DELETE', `/api/v1/tokens/${encodeURIComponent(id)}`).then(() => setTurn(turn + 1), notifyError)
  }
  return (
    <Card title="Open tokens" id="tokens" aside={<span class="count">{open.length}</span>}>
      {open.length === 0 ? (
        <Empty>None is open.</Empty>
      ) : (
        <ul class="plain-list">
          {open.map(({ autoApprove, expiresAt, id, labels, network, usesLeft }) => (
            <li key={id} class="waiting">
              <span>
                <span class="mono">{id}</span> {network}, {usesLeft} left, {spanText(expiresAt - now.value)}
                {autoApprove ? ', approves by itself' : ''}{' '}
                <small>
                  {Object.entries(labels)
                    .map((pair) => pair.join('='))
                    .join(' ')}
                </small>
              </span>
              <span class="spring" />
              {mayWrite ? (
                <button type="button" class="button small" aria-label={`Revoke ${id}`} onClick={() => revoke(id)}>
                  Revoke
                </button>
              ) : null}
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

export function JoinPage() {
  const [made, setMade] = useState<CreatedToken | undefined>(undefined)
  const mayWrite = mayDo(session.value, 'operator')
  return (
    <>
      <h1>Join</h1>
      <div class="grid">
        <Card title="A new device" id="new-device" class="span">
          {mayWrite ? <MakeToken onMade={setMade} /> : <Empty>Operators make join tokens. You are a viewer.</Empty>}
          {made === undefined ? null : <Made made={made} />}
        </Card>
        <div class="stack-wide">
          <Waiting mayWrite={mayWrite} />
          <Tokens about={made?.id} mayWrite={mayWrite} />
        </div>
        <Newest />
      </div>
    </>
  )
}
