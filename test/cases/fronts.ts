import { readFileSync } from 'node:fs'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { json, QueueServer, text, type Handler, type RecordedRequest } from '../support/queue-server.ts'

/** A server in front of each simulated LSP. It forwards every request that no queued answer takes. */
export interface Fronted extends AsyncDisposable {
  readonly gateway: TestGateway
  readonly fronts: ReadonlyMap<string, QueueServer>
  front(lspId: string): QueueServer
  /** The orders that the gateway sent to this LSP. */
  orders(lspId: string): readonly RecordedRequest[]
}

export const CREATE_PATHS: Readonly<Record<string, string>> = {
  olive: '/create_order',
  kestrel: '/create_order',
  thunder: '/create_order',
  anchor: '/lsp/channel',
  beacon: '/lsp/channels',
}

export async function startFronted(ids: readonly string[] = Object.keys(CREATE_PATHS)): Promise<Fronted> {
  const targets = new Map<string, string>()
  const fronts = new Map<string, QueueServer>()
  for (const id of ids) {
    const server = await QueueServer.start()
    fronts.set(
      id,
      server.always((request, response) => void forward(targets.get(id) ?? '', request, response)),
    )
  }
  const front = (id: string) => fronts.get(id) as QueueServer
  const gateway = await startTestGateway({
    sandbox: { only: [...ids] },
    lsp: ({ id, url }) => {
      targets.set(id, url)
      return { url: front(id).url, allowInsecure: true }
    },
  })
  return {
    gateway,
    fronts,
    front,
    orders: (id) => front(id).requests.filter(({ method, path }) => method === 'POST' && path === CREATE_PATHS[id]),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      for (const server of fronts.values()) await server[Symbol.asyncDispose]()
    },
  }
}

async function forward(url: string, request: RecordedRequest, response: Parameters<Handler>[1]): Promise<void> {
  const query = new URLSearchParams(request.query).toString()
  const answer = await fetch(`${url}${request.path}${query && `?${query}`}`, {
    method: request.method,
    ...(request.body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(request.body) }),
  })
  json(answer.status, await answer.json())(request, response)
}

export interface CaseAnswer {
  status: number
  headers: Record<string, string>
  body: unknown
}

// oxlint-disable-next-line typescript/no-explicit-any -- each case has a shape of its own
export function caseInput(name: string): any {
  return JSON.parse(readFileSync(new URL(`../fixtures/cases/${name}.json`, import.meta.url), 'utf8'))
}

export const handlerOf = ({ status, headers, body }: CaseAnswer): Handler =>
  typeof body === 'string' ? text(status, body, headers) : json(status, body, headers)
