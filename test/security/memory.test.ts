import { once } from 'node:events'
import { request as httpRequest, type ClientRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { Wire } from '../server/wire.ts'
import { lspsYaml, Program } from './program.ts'

// What clients send once, and the gateway would keep for as long as their sockets and subscriptions are open.

let sandbox: Sandbox
let program: Program
beforeAll(async () => {
  sandbox = await startSandbox({ only: ['olive'] })
  program = await Program.start(lspsYaml(sandbox))
  // What is loaded at the first use is kept for good.
  await subscribeOverSocket([{ query: SUBSCRIBE }]).then((wire) => wire.close())
  await subscribeOverHttp({ query: SUBSCRIBE }).then((request) => request.destroy())
})
afterAll(async () => {
  await program?.[Symbol.asyncDispose]()
  await sandbox?.close()
})

const SUBSCRIBE = 'subscription { events { id } }'
/** Three bytes each to send, and twenty times as much to keep. */
const objects = (count: number) => Array.from({ length: count }, () => ({}))

const LARGE: [string, Record<string, unknown>][] = [
  ['extensions', { query: SUBSCRIBE, extensions: { x: objects(20_000) } }],
  ['variables that it does not declare', { query: SUBSCRIBE, variables: { x: objects(20_000) } }],
]

async function subscribeOverSocket(payloads: Record<string, unknown>[]): Promise<Wire> {
  const wire = await Wire.ready(program.origin)
  for (const [id, payload] of payloads.entries()) wire.say({ id: String(id), type: 'subscribe', payload })
  expect((await wire.rest()).filter(({ payload }) => JSON.stringify(payload).includes('RATE_LIMITED'))).toEqual([])
  return wire
}

async function subscribeOverHttp(params: Record<string, unknown>): Promise<ClientRequest> {
  const body = JSON.stringify(params)
  const request = httpRequest(`${program.origin}/graphql`, {
    method: 'POST',
    agent: false,
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', 'content-length': String(body.length) },
  })
  request.on('error', () => {})
  request.end(body)
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
  response.on('error', () => {}).resume()
  return request
}

const megabytes = async () => (await program.heapUsed()) / 1e6

describe('a subscription does not keep', () => {
  test.each(LARGE)('%s, over WebSocket', async (_what, payload) => {
    const before = await megabytes()
    const wire = await subscribeOverSocket(Array.from({ length: 200 }, () => payload))
    expect((await megabytes()) - before).toBeLessThan(20)
    await wire.close()
  })

  test.each(LARGE)('%s, nor the body that it came in, over Server-Sent Events', async (_what, params) => {
    const before = await megabytes()
    const requests = []
    for (let count = 0; count < 80; count++) requests.push(await subscribeOverHttp(params))
    expect((await megabytes()) - before).toBeLessThan(20)
    for (const request of requests) request.destroy()
  })
})

test('a socket does not keep what was said in connection_init', async () => {
  const before = await megabytes()
  const wires = []
  for (let count = 0; count < 300; count++) wires.push(await Wire.ready(program.origin, { x: objects(2_600) }))
  expect((await megabytes()) - before).toBeLessThan(20)
  for (const wire of wires) await wire.close()
})
