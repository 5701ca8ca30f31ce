// The OpenAPI 3.1 document, generated from the table of routes and the schemas that check the requests.

import { toJsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import type { ApiRoute } from './route.ts'
import { sessionCookieName } from './session-cookie.ts'

type Json = Record<string, unknown>

function schemaOf(schema: GenericSchema): Json {
  // Checks that JSON Schema cannot express stay with the server, whose errors name the field.
  const { $schema: _, ...rest } = toJsonSchema(schema, {
    target: 'draft-2020-12',
    typeMode: 'input',
    errorMode: 'ignore',
  }) as Json
  return rest
}

function parametersOf(route: ApiRoute): Json[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map((match) => ({
    name: match[1],
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = (route.query ?? []).map(({ name, description }) => ({
    name,
    description,
    in: 'query',
    schema: { type: 'string' },
  }))
  return [...inPath, ...inQuery]
}

/** `PUT /api/v1/nodes/:name` is `putNodesName`: stable names for generated clients. */
function operationIdOf({ method, path }: ApiRoute): string {
  const words = path.replace(/^\/api\/v1\//, '').match(/[a-z]+/gi) ?? []
  return [method.toLowerCase(), ...words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)].join('')
}

function contentOf({ example }: ApiRoute, request: NonNullable<ApiRoute['request']>): Json {
  const shown = example === undefined ? {} : { example }
  if (request !== 'resources') return { 'application/json': { schema: schemaOf(request), ...shown } }
  return { 'application/yaml': { schema: { type: 'string' }, ...shown }, 'application/json': {} }
}

function operationOf(route: ApiRoute): Json {
  const failure = {
    description: 'Failed',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  }
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    description: route.role === 'public' ? 'No token is needed.' : `Needs a token of role ${route.role} or higher.`,
    parameters: parametersOf(route),
    ...(route.request === undefined
      ? {}
      : { requestBody: { required: true, content: contentOf(route, route.request) } }),
    security:
      route.role === 'public'
        ? []
        : [{ bearer: [] }, route.method === 'GET' ? { session: [] } : { session: [], csrf: [] }],
    responses: {
      '2XX': { description: route.reply, content: { [route.replyType ?? 'application/json']: {} } },
      default: failure,
    },
  }
}

export function openApiPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}')
}

export function openApiDocument(routes: readonly ApiRoute[], version: string): Json {
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    const path = openApiPath(route.path)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast hub', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: sessionCookieName },
        csrf: { type: 'apiKey', in: 'header', name: 'X-CSRF-Token' },
      },
      schemas: {
        Error: {
          type: 'object',
          required: ['code', 'message'],
          properties: {
            code: { type: 'string' },
            message: { type: 'string' },
            field: { type: 'string' },
            line: { type: 'integer' },
            remedy: { type: 'string' },
          },
        },
      },
    },
  }
}
