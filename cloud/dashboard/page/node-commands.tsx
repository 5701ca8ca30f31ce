// What may be asked of a node from afar: it is signed by the hub, done by the agent, and written down.

import { useState } from 'preact/hooks'
import { resultTable } from '../../../shared/cli/command-result.ts'
import type { Presented } from '../../api/answers.ts'
import type { NodeCommand } from '../../commands/asked.ts'
import type { NodeState } from '../../hub.ts'
import { http, notify, notifyError, touchNode } from '../app.ts'
import { mayDo } from '../model/session.ts'
import { bytesText, timeText } from '../model/words.ts'
import { now, session } from '../store.ts'
import { Card, Empty } from '../view/parts.tsx'
import { Sure } from '../view/sure.tsx'
import { type Asked, useAsked } from '../view/use-asked.ts'
import { useLoad } from '../view/use-load.ts'

type Kind = NodeCommand['kind']

const TITLES: Readonly<Record<Kind, string>> = {
  ping: 'Ping a peer',
  netcheck: 'Check its network',
  history: 'How a peer was reached',
  bundle: 'Collect a bundle',
  'rotate-key': 'Rotate its key',
}
const ASKED = ['netcheck', 'bundle'] as const

interface NodeCommandsProps {
  readonly name: string
  readonly state: NodeState
  /** Whom it may ping: those that it tells of. */
  readonly peers: readonly string[]
  readonly intent: Presented<'Node'> | undefined
}

async function turn(intent: Presented<'Node'>, disabled: boolean): Promise<void> {
  const { apiVersion, kind, metadata, spec } = intent
  const { name, resourceVersion } = metadata
  const body = { apiVersion, kind, metadata: { name, resourceVersion }, spec: { ...spec, disabled } }
  await http.send('PUT', `/api/v1/nodes/${encodeURIComponent(name)}`, body)
  notify('good', disabled ? `${name} is disabled` : `${name} is enabled`)
}

function Turn({ intent }: { readonly intent: Presented<'Node'> }) {
  const { disabled } = intent.spec
  const act = (): void => {
    turn(intent, !disabled).then(() => touchNode(intent.metadata.name), notifyError)
  }
  return disabled ? (
    <button type="button" class="button" onClick={act}>
      Enable
    </button>
  ) : (
    <Sure
      label="Disable"
      act="Disable it"
      question="Disable this node?"
      warning="It is shut out of the network until it is enabled."
      onAct={act}
    />
  )
}

const STATES: Readonly<Record<Asked['state'], string>> = {
  queued: 'the node gets it when it is back',
  sent: 'sent, waiting for the answer …',
  answered: 'done',
  failed: 'failed',
  refused: 'refused by the node',
  expired: 'no answer in time',
}

function Answer({ kind, result }: Pick<Asked, 'kind' | 'result'>) {
  if (result === undefined) return null
  const exact = (
    <pre role="region" aria-label="Answer of the node, as it said it" tabIndex={0}>
      {JSON.stringify(result, undefined, 2)}
    </pre>
  )
  const table = resultTable(kind, result)
  if (table === undefined) return exact
  return (
    <>
      <div class="scroll" role="region" aria-label="Answer of the node" tabIndex={0}>
        <table class="table plain">
          <thead>
            <tr>
              {table.headings.map((heading) => (
                <th key={heading} scope="col">
                  {heading}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row, at) => (
              <tr key={at}>
                {row.map((cell, column) => (
                  <td key={column} class={column === row.length - 1 ? 'long' : undefined}>
                    {typeof cell === 'string' ? cell : cell.text}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <details>
        <summary>As the node said it</summary>
        {exact}
      </details>
    </>
  )
}

function Outcome({ asked: { file, kind, message, remedy, result, state, tookMs } }: { readonly asked: Asked }) {
  const isBad = state === 'failed' || state === 'refused' || state === 'expired'
  return (
    <div class="outcome" role="status">
      <p>
        <span class={isBad ? 'pill verdict-drop' : state === 'answered' ? 'pill verdict-accept' : 'pill'}>
          {TITLES[kind]}
        </span>{' '}
        {STATES[state]}
        {tookMs === undefined ? '' : `, ${(tookMs / 1_000).toFixed(1)} s`}
        {message === undefined ? '' : `: ${message}. ${remedy ?? ''}`}
      </p>
      {file === undefined ? null : (
        <a class="button" href={file.path} download>
          Download, {bytesText(file.bytes)}
        </a>
      )}
      <Answer kind={kind} result={result} />
    </div>
  )
}

const LAST_SHOWN = 5

/** Of this node, by whomever. */
function Last({ about, name }: { readonly name: string; readonly about: unknown }) {
  const { value } = useLoad<{ items: readonly NodeCommand[] }>(
    `/api/v1/commands?node=${encodeURIComponent(name)}`,
    about,
  )
  const [shown, setShown] = useState<Asked | undefined>(undefined)
  const items = (value?.items ?? []).slice(0, LAST_SHOWN)
  const show = (id: string): void => {
    http.get<Asked>(`/api/v1/commands/${encodeURIComponent(id)}`).then(setShown, notifyError)
  }
  return (
    <>
      <h3>Last commands</h3>
      {items.length === 0 ? (
        <p class="hint">None of late. The audit log has those of before, without their results.</p>
      ) : (
        <>
          <ul class="plain-list">
            {items.map(({ by, createdAt, id, kind, peer, state }) => (
              <li key={id} class="waiting">
                <span>
                  {TITLES[kind]}
                  {peer === undefined ? '' : `, ${peer}`}{' '}
                  <small>
                    by {by}, {timeText(createdAt, now.value)}
                  </small>
                </span>
                <span class="spring" />
                <button type="button" class="button small" onClick={() => show(id)}>
                  {STATES[state]}
                  <span class="unseen">
                    : show what came of {TITLES[kind]}, {timeText(createdAt, now.value)}
                  </span>
                </button>
              </li>
            ))}
          </ul>
          <p class="hint">
            Results are kept for two weeks, while there is room; the audit log has every command for longer.
          </p>
        </>
      )}
      {shown === undefined ? null : <Outcome asked={shown} />}
    </>
  )
}

export function NodeCommands({ intent, name, peers, state }: NodeCommandsProps) {
  const [asked, setAsked] = useAsked()
  const [peer, setPeer] = useState('')
  const target = peer || peers[0] || ''
  if (!mayDo(session.value, 'operator')) {
    return (
      <Card title="Commands" id="commands">
        <Empty>
          Operators may ping, check and collect here; administrators may rotate its key as well. You are a viewer.
        </Empty>
      </Card>
    )
  }
  const ask = (kind: Kind): void => {
    const more = kind === 'ping' ? { peer: target } : {}
    http
      .send<{ id: string }>('POST', `/api/v1/nodes/${encodeURIComponent(name)}/commands`, { kind, ...more })
      .then(({ id }) => setAsked({ id, kind, state: 'sent' }), notifyError)
  }
  const isThere = state === 'online'
  // A new key changes the device, as the hub has it: who may never ask for it is not shown it.
  const kinds = [...ASKED, ...(mayDo(session.value, 'admin') ? (['rotate-key'] as const) : [])]
  return (
    <Card title="Commands" id="commands">
      <div class="commands">
        <label class="choice">
          Ping
          <select value={target} onChange={(event) => setPeer(event.currentTarget.value)}>
            {peers.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
          <button type="button" class="button" disabled={!isThere || target === ''} onClick={() => ask('ping')}>
            Ping
          </button>
        </label>
        {kinds.map((kind) => (
          <button key={kind} type="button" class="button" disabled={!isThere} onClick={() => ask(kind)}>
            {TITLES[kind]}
          </button>
        ))}
        {intent === undefined ? null : <Turn intent={intent} />}
      </div>
      <p class="hint">
        {isThere
          ? 'Each is signed by the hub, done by the agent, and written to the audit log.'
          : 'The node is away: it hears no commands now.'}
      </p>
      {asked === undefined ? null : <Outcome asked={asked} />}
      <Last name={name} about={`${asked?.id ?? ''} ${asked?.state ?? ''}`} />
    </Card>
  )
}
