// The kinds of intent as definitions for Kubernetes, made of the schemas that the hub itself checks with. They are
// cluster-wide, as a fleet is, and their names are those that the hub knows.

import { apiVersion, appliedKinds, type Kind, plural, specs } from '../../shared/intent/resource.ts'
import { type Json, structuralSchema } from './structural.ts'

type AppliedKind = (typeof appliedKinds)[number]

const [group = '', version = ''] = apiVersion.split('/')

interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly jsonPath: string
  readonly description?: string
  /** Shown only with `-o wide`. */
  readonly priority?: 1
}

/** One word for the shell each: `nodes` and `services` are also kinds of Kubernetes itself. */
const shortNames: Readonly<Record<AppliedKind, string>> = {
  Network: 'hfnet',
  Canary: 'hfcanary',
  AgentUpdate: 'hfupdate',
  Node: 'hfnode',
  Policy: 'hfpol',
  Route: 'hfroute',
  Exit: 'hfexit',
  Service: 'hfsvc',
}

const meaning: Readonly<Record<AppliedKind, string>> = {
  Network: 'The address plan and the manners of one mesh.',
  Canary: 'While it is there, newer intent is followed by some nodes first; the others wait.',
  AgentUpdate: 'Another version of the agent for some devices or all, in waves.',
  Node: 'What people decide about one device. Its keys come from the device and are not here.',
  Policy: 'Who may talk to whom.',
  Route: 'A subnet that is reached through one or several nodes.',
  Exit: 'Nodes whose traffic to the internet leaves by other nodes.',
  Service: 'A name and a stable address in front of several nodes, or of pods behind them.',
}

const special: Readonly<Partial<Record<AppliedKind, readonly Column[]>>> = {
  Network: [{ name: 'CIDR', type: 'string', jsonPath: '.spec.cidr' }],
  AgentUpdate: [{ name: 'Version', type: 'string', jsonPath: '.spec.version' }],
  Node: [
    { name: 'Network', type: 'string', jsonPath: '.spec.network', priority: 1 },
    { name: 'Uplink', type: 'string', jsonPath: '.status.uplink.state', priority: 1 },
    { name: 'RTT', type: 'integer', jsonPath: '.status.uplink.rttMs', description: 'At most, in ms.', priority: 1 },
  ],
  Policy: [
    { name: 'Tier', type: 'string', jsonPath: '.spec.tier' },
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  ],
  Route: [{ name: 'Destination', type: 'string', jsonPath: '.spec.destination' }],
  Exit: [{ name: 'When lost', type: 'string', jsonPath: '.spec.whenLost' }],
}

function columnsOf(kind: AppliedKind): readonly Column[] {
  return [
    ...(special[kind] ?? []),
    {
      name: 'Ready',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether every node that is concerned does what is said here.',
    },
    {
      name: 'Programmed',
      type: 'string',
      jsonPath: '.status.programmed',
      description: 'How many nodes have said so, of how many that are concerned.',
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ]
}

/** As `metav1.Condition` has it. */
const condition: Json = {
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: { type: 'string', maxLength: 316, description: 'What is said to be so.' },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it is.' },
    observedGeneration: {
      type: 'integer',
      format: 'int64',
      minimum: 0,
      description: 'The generation that this is said of.',
    },
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'Since when the status is what it is.' },
    reason: { type: 'string', minLength: 1, maxLength: 1_024, description: 'Why, in a word for programs.' },
    message: { type: 'string', maxLength: 32_768, description: 'Why, and what to do about it.' },
  },
}

/** What the devices of nodes measure. */
const uplink: Json = {
  type: 'object',
  description:
    'How good the way out of the device is, in steps: by what its paths measure anyway, and told when it has changed for minutes. What is absent is not known. The same stands in labels of this object, holdfast.dev/uplink and those that begin so.',
  properties: {
    state: {
      type: 'string',
      enum: ['online', 'offline', 'unknown'],
      description: 'offline: not heard for five minutes, so nothing else is said.',
    },
    rttMs: { type: 'integer', description: 'The nearest node off its LAN answers within so many milliseconds.' },
    lossPercent: { type: 'integer', description: 'At most so many of a hundred packets are lost on the best way.' },
    bandwidthMbps: { type: 'integer', description: 'At least so many megabits go out each second.' },
    bandwidthBy: {
      type: 'string',
      enum: ['declared', 'observed'],
      description: 'Whether that stands in the device’s settings, or was seen in the last two weeks.',
    },
    metered: { type: 'boolean', description: 'It is paid for by the byte, as the device’s settings say.' },
  },
}

const status: Json = {
  type: 'object',
  description: 'Written by the hub.',
  properties: {
    observedGeneration: { type: 'integer', format: 'int64', description: 'The generation that the hub has seen.' },
    revision: { type: 'string', description: 'The signed revision that it went into, as EPOCH.REVISION.' },
    programmed: { type: 'string', description: 'Nodes that said they do what is said here, of those concerned: N/M.' },
    conditions: {
      type: 'array',
      description: 'Accepted, Programmed, Ready; Conflict of networks and routes, Published of services.',
      items: condition,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    },
  },
}

function statusOf(kind: AppliedKind): Json {
  if (kind !== 'Node') return status
  return { ...status, properties: { ...(status['properties'] as Json), uplink } }
}

function schemaOf(kind: AppliedKind): Json {
  return {
    type: 'object',
    description: meaning[kind],
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: { ...structuralSchema(specs[kind]), description: 'What people decide.' },
      status: statusOf(kind),
    },
    'x-kubernetes-validations': [
      {
        rule: "size(self.metadata.name) <= 63 && self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
        message: 'metadata.name is not a name: up to 63 lower-case letters, digits and hyphens',
      },
    ],
  }
}

function definitionOf(kind: AppliedKind): Json {
  const word = plural[kind]
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${word}.${group}`, labels: { 'app.kubernetes.io/part-of': 'holdfast' } },
    spec: {
      group,
      scope: 'Cluster',
      names: {
        kind,
        listKind: `${kind}List`,
        plural: word,
        singular: kind.toLowerCase(),
        shortNames: [shortNames[kind]],
        categories: ['holdfast'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schemaOf(kind) },
          subresources: { status: {} },
          additionalPrinterColumns: columnsOf(kind),
        },
      ],
    },
  }
}

/** CustomResourceDefinitions of the kinds that people apply, in the order in which they depend on each other. */
export function customResourceDefinitions(): readonly Json[] {
  return (appliedKinds as readonly Kind[]).map((kind) => definitionOf(kind as AppliedKind))
}
