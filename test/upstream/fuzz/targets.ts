import { declaredFields, unwrapped, type DeclaredField } from './breaks.ts'
import { answersTo } from './corpus.ts'
import { write } from './json.ts'
import { NODE_URI, type Operation } from './operations.ts'
import { NOW, orderRef } from '../../support/adapter-call.ts'
import { fixture } from '../../support/fixtures.ts'
import { LspFailure } from '../../../src/domain/failure.ts'
import type { LspExchange, LspHttp } from '../../../src/protocols/adapter.ts'
import { readDocument, type Document } from '../../../src/protocols/document.ts'
import { readAnswer } from '../../../src/upstream/answer.ts'

// The honest answers to every operation, and the operation run with another answer in the place of one of them.

export type AnyExchange = Pick<LspExchange<unknown>, 'method' | 'path' | 'query' | 'body' | 'answer'>
export interface Honest {
  name: string
  body: unknown
}

const bolt11 = (fixture('lsps1-blip51/payment.all.response.json') as { bolt11: Record<string, unknown> }).bolt11
const onchain = fixture('lsps1-blip51/payment.onchain.json')
const flat = fixture('cases/C08.json') as { create_order: { payment: Record<string, unknown> } }
const { order_id: _, ...lsps1Head } = fixture('lsps1-blip51/create_order.response.json')
const order = (payment: unknown) => ({ order_id: 'order-1', ...lsps1Head, payment })

/** Shapes that no fixture has. */
const MORE: Readonly<Record<string, readonly Honest[]>> = {
  LSPS1: [
    { name: 'bolt11 alone', body: order({ bolt11 }) },
    { name: 'onchain alone', body: order({ onchain }) },
    { name: 'unused options as null', body: order({ bolt11, bolt12: null, onchain: null }) },
    { name: 'flat', body: order(flat.create_order.payment) },
    {
      name: 'flat and nested',
      body: order({
        fee_total_sat: bolt11.fee_total_sat,
        order_total_sat: bolt11.order_total_sat,
        state: 'EXPECT_PAYMENT',
        bolt11_invoice: bolt11.invoice,
        bolt11,
      }),
    },
  ],
  KALEIDOSWAP: [{ name: 'flat', body: flat.create_order }],
}

export function honestAnswers({ adapter }: Operation, { method, path }: AnyExchange): readonly Honest[] {
  const recorded = answersTo(adapter.protocol, method, path).map(({ name, document }) => ({
    name,
    body: JSON.parse(write(document)) as unknown,
  }))
  return path.endsWith('order') ? [...recorded, ...(MORE[adapter.protocol] ?? [])] : recorded
}

/** Answers each request by `answerTo`, and keeps the exchanges. */
export async function outcomeOf(operation: Operation, answerTo: (exchange: AnyExchange) => unknown) {
  const exchanges: AnyExchange[] = []
  const http: LspHttp = {
    async exchange(exchange) {
      exchanges.push(exchange)
      const text = JSON.stringify(answerTo(exchange))
      return readAnswer(exchange, { status: 200, headers: {}, text }, () => null, NOW, [])
    },
  }
  const call = {
    http,
    url: 'https://lsp.example',
    network: 'REGTEST',
    now: () => NOW,
    tariffFeeRateSatPerVbyte: 1,
  } as const
  try {
    return { exchanges, failure: null, result: await operation.act(call, orderRef({ clientNodeUri: NODE_URI })) }
  } catch (error) {
    if (error instanceof LspFailure) return { exchanges, failure: error, result: null }
    throw error
  }
}

const isSame = (a: AnyExchange, b: AnyExchange) => a.method === b.method && a.path === b.path

/** The first honest answer to each request; the last one to /network_info is on the network of the call. */
export const usual = (operation: Operation) => (exchange: AnyExchange) =>
  (exchange.path === '/network_info'
    ? honestAnswers(operation, exchange).at(-1)
    : honestAnswers(operation, exchange)[0]
  )?.body

export interface Target {
  exchange: AnyExchange
  honest: Honest
  body: unknown
  fields: readonly DeclaredField[]
  /** The operation's outcome with the honest answer. */
  outcome: Awaited<ReturnType<typeof outcomeOf>>
  /** Whether its answer decides the operation: what goes wrong beside an order does not. */
  isMain: boolean
  run: (body: unknown) => ReturnType<typeof outcomeOf>
}

/** All that the operation may ask, whatever it is answered first. */
export async function exchangesOf(operation: Operation): Promise<AnyExchange[]> {
  const { exchanges } = await outcomeOf(operation, usual(operation))
  const [main] = exchanges
  if (!main) return []
  for (const { body } of honestAnswers(operation, main)) {
    const other = await outcomeOf(operation, (one) => (isSame(one, main) ? body : usual(operation)(one)))
    exchanges.push(...other.exchanges.filter((one) => !exchanges.some((known) => isSame(known, one))))
  }
  return exchanges
}

async function findTargets(operation: Operation): Promise<{ targets: Target[]; undeclared: string[] }> {
  const targets: Target[] = []
  const undeclared: string[] = []
  for (const [index, exchange] of (await exchangesOf(operation)).entries()) {
    for (const honest of honestAnswers(operation, exchange)) {
      const schema = exchange.answer as Document<unknown>
      const body = unwrapped(schema, honest.body)
      if (readDocument(schema, body).problem !== null) continue
      const run = (other: unknown) =>
        outcomeOf(operation, (one) => (isSame(one, exchange) ? other : usual(operation)(one)))
      const declared = declaredFields(schema, schema.unwrap(body))
      // Generated answers share objects among documents.
      if (honest.name.endsWith('.json'))
        undeclared.push(...declared.undeclared.map((path) => `${honest.name}: ${path}`))
      const outcome = await run(body)
      targets.push({
        exchange,
        honest,
        body: schema.unwrap(body),
        fields: declared.fields,
        outcome,
        isMain: index === 0 && outcome.failure === null,
        run,
      })
    }
  }
  return { targets, undeclared }
}

const found = new Map<Operation, ReturnType<typeof findTargets>>()

/** The answers that the operation reads, each with its declared fields. */
export function targetsOf(operation: Operation): ReturnType<typeof findTargets> {
  const targets = found.get(operation) ?? findTargets(operation)
  found.set(operation, targets)
  return targets
}

export const valueAt = (body: unknown, path: readonly string[]) =>
  path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], body)
