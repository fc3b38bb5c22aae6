import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { WebSocket, type RawData } from 'ws'

export const TRANSPORTS = ['GET', 'POST', 'SSE', 'WS'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** One operation, however it is sent. */
export interface Asked {
  query?: string
  variables?: Record<string, unknown>
  operationName?: string
  documentId?: string
  extensions?: Record<string, unknown>
  key?: string | undefined
  /** Of the request, or of the upgrade. */
  headers?: Record<string, string>
}

/** What came of it; what a transport does not have is absent. */
export interface Outcome {
  /** Of the HTTP answer, or of a refused upgrade. */
  status?: number
  /** Of a socket that was closed. */
  close?: number
  code?: string
  message?: string
  retryAfter?: string
  retryAfterSeconds?: unknown
  data?: unknown
  /** The first answer, as it came. */
  text: string
}

export function ask(origin: string, transport: Transport, asked: Asked): Promise<Outcome> {
  switch (transport) {
    case 'GET':
      return overHttp(origin, 'GET', 'application/graphql-response+json, text/event-stream;q=0.5', asked)
    case 'POST':
      return overHttp(origin, 'POST', 'application/graphql-response+json', asked)
    case 'SSE':
      return overHttp(origin, 'POST', 'text/event-stream', asked)
    case 'WS':
      return overWebSocket(origin, asked)
  }
}

function paramsOf({ key: _key, headers: _headers, ...params }: Asked): Record<string, unknown> {
  return params
}

function overHttp(origin: string, method: string, accept: string, asked: Asked): Promise<Outcome> {
  const { key, headers = {} } = asked
  const params = Object.entries(paramsOf(asked)).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  const path = `/graphql${method === 'GET' ? `?${new URLSearchParams(params).toString()}` : ''}`
  const body = method === 'GET' ? '' : JSON.stringify(paramsOf(asked))
  const all = {
    accept,
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(method === 'GET'
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${origin}${path}`, { method, headers: all }, (response) => {
      let text = ''
      const done = () => {
        request.destroy()
        resolve(outcomeOf(response.statusCode ?? 0, response.headers, text))
      }
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        // A stream is known by its first result, and may never end.
        if (/^data: .+\n\n/m.test(text)) done()
      })
      response.on('end', done)
    })
    request.on('error', reject)
    request.end(body)
  })
}

function outcomeOf(status: number, headers: IncomingHttpHeaders, text: string): Outcome {
  const json = /^data: (.+)$/m.exec(text)?.[1] ?? text
  const retryAfter = headers['retry-after']
  return { status, text, ...(retryAfter === undefined ? {} : { retryAfter }), ...resultOf(json) }
}

interface Result {
  data?: unknown
  errors?: { message: string; extensions?: Record<string, unknown> }[]
}

function resultOf(json: string): Partial<Outcome> {
  let result: Result
  try {
    result = JSON.parse(json) as Result
  } catch {
    return {}
  }
  const error = result.errors?.[0]
  return {
    ...(result.data === undefined ? {} : { data: result.data }),
    ...(error === undefined ? {} : { message: error.message, code: String(error.extensions?.['code']) }),
    ...(error?.extensions?.['retryAfterSeconds'] === undefined
      ? {}
      : { retryAfterSeconds: error.extensions['retryAfterSeconds'] }),
  }
}

function overWebSocket(origin: string, asked: Asked): Promise<Outcome> {
  const { key, headers = {} } = asked
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers })
    const done = (outcome: Outcome) => {
      resolve(outcome)
      socket.terminate()
    }
    socket.on('unexpected-response', (request, response) => {
      request.destroy()
      const retryAfter = response.headers['retry-after']
      resolve({ status: response.statusCode ?? 0, text: '', ...(retryAfter === undefined ? {} : { retryAfter }) })
    })
    socket.on('error', reject)
    socket.on('open', () =>
      socket.send(
        JSON.stringify({
          type: 'connection_init',
          payload: key === undefined ? {} : { authorization: `Bearer ${key}` },
        }),
      ),
    )
    socket.on('message', (data: RawData) => {
      const text = (data as Buffer).toString('utf8')
      const { type, payload } = JSON.parse(text) as { type: string; payload?: unknown }
      if (type === 'connection_ack')
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: paramsOf(asked) }))
      if (type === 'next') done({ text, ...resultOf(JSON.stringify(payload)) })
      if (type === 'error') done({ text, ...resultOf(JSON.stringify({ errors: payload })) })
      if (type === 'complete') done({ text })
    })
    socket.on('close', (close, reason) => resolve({ close, text: reason.toString('utf8') }))
  })
}
