// Topics: who may say and hear what, and that no id can climb out of its branch.

import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseNetworkId, parseNodeId } from '../ids.ts'
import {
  agentFilters,
  agentMayPublish,
  agentMaySubscribe,
  hubFilters,
  nodeChannels,
  parseTopic,
  topics,
} from './topics.ts'

const net = parseNetworkId('aaaaaaaaaaaa')
const otherNet = parseNetworkId('bbbbbbbbbbbb')
const node = parseNodeId('aaaaaaaaaaaaaaaa')
const other = parseNodeId('bbbbbbbbbbbbbbbb')

/** Matching of MQTT 3.1.1 §4.7, without the rule for topics that begin with $. */
function matches(filter: string, topic: string): boolean {
  const [want, have] = [filter.split('/'), topic.split('/')]
  return want.length === have.length && want.every((part, i) => part === '+' || part === have[i])
}

test('golden topics: devices in the field speak on these', () => {
  assert.is(topics.head(net), 'hf/1/aaaaaaaaaaaa/head')
  assert.is(topics.delta(net), 'hf/1/aaaaaaaaaaaa/delta')
  assert.is(topics.hub(net), 'hf/1/aaaaaaaaaaaa/hub')
  assert.is(topics.rsp(net, node), 'hf/1/aaaaaaaaaaaa/n/aaaaaaaaaaaaaaaa/rsp')
  assert.is(topics.node(net, node, 'fact'), 'hf/1/aaaaaaaaaaaa/n/aaaaaaaaaaaaaaaa/fact')
})

test('every topic reads back as what it was made from', () => {
  for (const type of ['head', 'delta', 'hub'] as const)
    assert.equal(parseTopic(topics[type](net)), { type, network: net })
  assert.equal(parseTopic(topics.rsp(net, node)), { type: 'rsp', network: net, node })
  for (const type of nodeChannels) {
    assert.equal(parseTopic(topics.node(net, node, type)), { type, network: net, node })
  }
})

test('an agent speaks under its own branch only, and never replies to itself', () => {
  const mine = nodeChannels.map((channel) => topics.node(net, node, channel))
  for (const topic of mine) assert.ok(agentMayPublish(topic, net, node))
  const foreign = [
    ...nodeChannels.flatMap((channel) => [topics.node(net, other, channel), topics.node(otherNet, node, channel)]),
    topics.head(net),
    topics.delta(net),
    topics.hub(net),
    topics.rsp(net, node),
    '#',
    '+',
    '',
    'hf/1/#',
    `${mine[0]}/x`,
    `${mine[0]}/`,
    `/${mine[0]}`,
    `$SYS/${mine[0]}`,
    `hf/1/${net}/n/+/fact`,
  ]
  for (const topic of foreign) assert.not.ok(agentMayPublish(topic, net, node), topic)
})

test('an agent hears its network’s hub, its own replies and all facts, by exactly these filters', () => {
  for (const filter of agentFilters(net, node)) assert.ok(agentMaySubscribe(filter, net, node))
  const heard = (topic: string): boolean => agentFilters(net, node).some((filter) => matches(filter, topic))
  assert.ok(heard(topics.head(net)) && heard(topics.rsp(net, node)) && heard(topics.node(net, other, 'fact')))
  for (const topic of [topics.rsp(net, other), topics.node(net, other, 'req'), topics.head(otherNet)]) {
    assert.not.ok(heard(topic), topic)
  }
  for (const filter of [
    '#',
    '+/#',
    'hf/#',
    `hf/1/${net}/#`,
    `hf/1/${net}/n/+/rsp`,
    topics.head(otherNet),
    `hf/1/+/head`,
  ]) {
    assert.not.ok(agentMaySubscribe(filter, net, node), filter)
  }
})

test('the hub hears all that nodes say, and nothing of its own', () => {
  const heard = (topic: string): boolean => hubFilters.some((filter) => matches(filter, topic))
  for (const channel of nodeChannels) assert.ok(heard(topics.node(net, node, channel)))
  for (const topic of [topics.head(net), topics.delta(net), topics.hub(net), topics.rsp(net, node)]) {
    assert.not.ok(heard(topic))
  }
})

test('what is not a topic of ours is undefined, never an error', () => {
  const part = fc.constantFrom('hf', '1', 'n', '', '+', '#', net, node, 'fact', 'rsp', 'head', '..', 'constructor')
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const topic = parts.join('/')
      const found = parseTopic(topic)
      if (found === undefined) return
      const again =
        'node' in found
          ? found.type === 'rsp'
            ? topics.rsp(found.network, found.node)
            : topics.node(found.network, found.node, found.type)
          : topics[found.type](found.network)
      assert.is(again, topic)
    }),
    { numRuns: 2_000 },
  )
  fc.assert(fc.property(fc.string(), (topic) => assert.is(parseTopic(topic), undefined)))
})

test.run()
